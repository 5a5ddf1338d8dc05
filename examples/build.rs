//! Writes the client and the server of the service in `grpc.rs`, as tonic does for a `.proto` file, without needing
//! one: the messages are structs there, the methods are named here.

use tonic_build::manual::{Builder, Method, Service};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let method = |name: &str, route: &str, input: &str, output: &str| {
        Method::builder()
            .name(name)
            .route_name(route)
            .input_type(input)
            .output_type(output)
            .codec_path("tonic_prost::ProstCodec")
    };
    let service = Service::builder()
        .package("keepwarm.example")
        .name("Thermometer")
        .method(method("read", "Read", "super::Room", "super::Reading").build())
        .method(
            method("watch", "Watch", "super::Watch", "super::Reading")
                .server_streaming()
                .build(),
        )
        .build();
    Builder::new().build_transport(false).compile(&[service]);
}
