//! What a Qdrant server answers that is well.

use portolan_testkit::wire::{Answer, Fault, Faulty};
use prost::Message;
use qdrant_client::qdrant::{
    CollectionConfig, CollectionInfo, CollectionParams, Distance, GetCollectionInfoResponse, GetResponse,
    HealthCheckReply, PointsOperationResponse, UpdateResult, UpdateStatus, VectorParams, VectorsConfig,
    vectors_config,
};

/// A server with a collection `things` of two dimensions, without points.
pub(crate) fn things(server: &Faulty) {
    let params = VectorParams { size: 2, distance: Distance::Dot.into(), ..VectorParams::default() };
    let vectors_config = Some(VectorsConfig { config: Some(vectors_config::Config::Params(params)) });
    let params = Some(CollectionParams { vectors_config, ..CollectionParams::default() });
    let config = Some(CollectionConfig { params, ..CollectionConfig::default() });
    let result = Some(CollectionInfo { config, ..CollectionInfo::default() });
    version(server, "1.18.3");
    answer(server, "Collections/Get", &GetCollectionInfoResponse { result, time: 0.0 });
    answer(server, "Points/Get", &GetResponse::default());
}

/// A server of this version.
pub(crate) fn version(server: &Faulty, version: &str) {
    let reply = HealthCheckReply { version: version.to_owned(), ..HealthCheckReply::default() };
    answer(server, "Qdrant/HealthCheck", &reply);
}

/// The answer to a write.
pub(crate) fn updated(status: UpdateStatus) -> PointsOperationResponse {
    let result = Some(UpdateResult { operation_id: Some(1), status: status.into() });
    PointsOperationResponse { result, ..PointsOperationResponse::default() }
}

/// What a method, such as `Points/Upsert`, answers.
pub(crate) fn answer(server: &Faulty, method: &str, message: &impl Message) {
    fault(server, method, Answer::grpc_message(&message.encode_to_vec()));
}

/// What happens to each call of a method.
pub(crate) fn fault(server: &Faulty, method: &str, fault: impl Into<Fault>) {
    let path = format!("/qdrant.{method}");
    server.on(.., move |request| request.path == path, fault.into());
}
