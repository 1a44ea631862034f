using System.Text;
using Cloister.Enclave.Base;
using Cloister.Enclave.Wire.Http2;

namespace Cloister.Enclave.Wire.Grpc;

/// <summary>Headers of answers. Source: gRPC over HTTP2, "Responses". Stateless. secrets: none.</summary>
internal static class GrpcAnswer
{
    /// <summary>What every answer begins with.</summary>
    internal static readonly HeaderField[] Start =
    [
        new(":status"u8.ToArray(), "200"u8.ToArray()), new("content-type"u8.ToArray(), "application/grpc"u8.ToArray()),
    ];

    /// <summary>A failure, as the only headers of a response or as its trailers.</summary>
    internal static List<HeaderField> Status(FailureKind kind, string message, bool trailers) => Status(GrpcStatuses.Of(kind), message, trailers);

    /// <summary>A status, as the only headers of a response or as its trailers.</summary>
    internal static List<HeaderField> Status(GrpcStatus code, string message, bool trailers)
    {
        List<HeaderField> fields = trailers ? [] : [.. Start];
        fields.Add(new HeaderField("grpc-status"u8.ToArray(), Encoding.ASCII.GetBytes(GrpcText.Code(code))));
        fields.Add(new HeaderField("grpc-message"u8.ToArray(), Encoding.ASCII.GetBytes(GrpcText.Escape(message))));
        return fields;
    }

    /// <summary>The answer to what is not gRPC.</summary>
    internal static List<HeaderField> NotGrpc() => [new(":status"u8.ToArray(), "415"u8.ToArray())];
}
