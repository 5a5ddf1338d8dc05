//! Jetty and Tomcat, from Debian's jars, each in one virtual machine without a container around it.

use std::process::Command;

use crate::server::{Server, installed};

const PROGRAM: &str = "/usr/bin/java";
const JARS: &str = "/usr/share/java";
/// Quick to start, and small.
const MACHINE: &[&str] = &["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx64m"];
const JETTY: &[&str] = &[
    "jetty9-xml",
    "jetty9-util",
    "jetty9-server",
    "jetty9-http",
    "jetty9-io",
    "servlet-api",
];
const TOMCAT: &[&str] = &[
    "tomcat10-catalina",
    "tomcat10-coyote",
    "tomcat10-juli",
    "tomcat10-util",
    "tomcat10-util-scan",
    "tomcat10-servlet-api",
    "tomcat10-jni",
    "tomcat10-annotations-api",
    "tomcat10-jaspic-api",
    "tomcat10-el-api",
    "tomcat10-api",
];

/// Jetty; it ends connections that are idle for so many milliseconds.
pub fn start_jetty(idle: u64) -> Server {
    Server::start("jetty", &|place| {
        let config = format!(
            r#"<?xml version="1.0"?>
<!DOCTYPE Configure PUBLIC "-//Jetty//Configure//EN" "configure_9_3.dtd">
<Configure id="Server" class="org.eclipse.jetty.server.Server">
  <Call name="addConnector"><Arg>
    <New class="org.eclipse.jetty.server.ServerConnector">
      <Arg name="server"><Ref refid="Server"/></Arg>
      <Set name="host">127.0.0.1</Set><Set name="port">{port}</Set><Set name="idleTimeout">{idle}</Set>
    </New>
  </Arg></Call>
  <Set name="handler"><New class="org.eclipse.jetty.server.handler.HandlerList">
    <Set name="handlers"><Array type="org.eclipse.jetty.server.Handler">
      <Item><New class="org.eclipse.jetty.server.handler.ResourceHandler">
        <Set name="resourceBase">{at}/site</Set>
      </New></Item>
      <Item><New class="org.eclipse.jetty.server.handler.DefaultHandler"/></Item>
    </Array></Set>
  </New></Set>
</Configure>
"#,
            port = place.port,
            at = place.folder.display(),
        );
        let mut command = java(JETTY);
        command.arg("org.eclipse.jetty.xml.XmlConfiguration");
        command.arg(place.write("jetty.xml", &config));
        command
    })
}

/// Tomcat; it keeps connections for so many milliseconds and so many requests.
pub fn start_tomcat(idle: u64, requests: u64) -> Server {
    Server::start("tomcat", &|place| {
        let (at, port) = (place.folder.display(), place.port);
        let config = format!(
            r#"<Server port="-1"><Service name="Catalina">
<Connector address="127.0.0.1" port="{port}" keepAliveTimeout="{idle}" maxKeepAliveRequests="{requests}"/>
<Engine name="Catalina" defaultHost="localhost">
<Host name="localhost" appBase="webapps" autoDeploy="false" deployOnStartup="false">
<Context path="" docBase="{at}/site"/></Host></Engine></Service></Server>
"#
        );
        place.write("conf/server.xml", &config);
        place.write(
            "conf/web.xml",
            r#"<web-app xmlns="https://jakarta.ee/xml/ns/jakartaee" version="6.0"><servlet>
<servlet-name>files</servlet-name><servlet-class>org.apache.catalina.servlets.DefaultServlet</servlet-class></servlet>
<servlet-mapping><servlet-name>files</servlet-name><url-pattern>/</url-pattern></servlet-mapping></web-app>
"#,
        );
        let mut command = java(TOMCAT);
        command
            .arg(format!("-Dcatalina.base={at}"))
            .arg(format!("-Dcatalina.home={at}"))
            .args(["org.apache.catalina.startup.Tomcat", "--no-jmx", "--await"]);
        command
    })
}

fn java(jars: &[&str]) -> Command {
    let jars: Vec<_> = jars.iter().map(|jar| format!("{JARS}/{jar}.jar")).collect();
    for jar in &jars {
        installed(jar);
    }
    let mut command = Command::new(installed(PROGRAM));
    command.args(MACHINE).args(["-cp", &jars.join(":")]);
    command
}

/// The version in the name of the file that this jar is, or is linked to.
fn version(jar: &str) -> String {
    let files = std::fs::read_dir(JARS).into_iter().flatten().flatten();
    let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
    let mut versions = names.filter_map(|name| {
        let version = name
            .strip_prefix(jar)?
            .strip_prefix('-')?
            .strip_suffix(".jar")?;
        let is_version = version.starts_with(|it: char| it.is_ascii_digit());
        is_version.then(|| version.to_owned())
    });
    versions.next().unwrap_or_else(|| "?".to_owned())
}

/// Jetty's version.
pub fn jetty_version() -> String {
    version("jetty9-server")
}

/// Tomcat's version.
pub fn tomcat_version() -> String {
    version("tomcat10-catalina")
}
