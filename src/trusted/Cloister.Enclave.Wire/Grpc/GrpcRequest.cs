using System.Text;
using Cloister.Enclave.Wire.Http2;

namespace Cloister.Enclave.Wire.Grpc;

/// <summary>What the headers of a request say that a call needs. Source: gRPC over HTTP2, "Requests". secrets: none.</summary>
internal readonly ref struct GrpcRequest
{
    internal GrpcRequest(List<HeaderField> fields)
    {
        bool post = false;
        bool grpc = false;
        foreach (HeaderField field in fields)
        {
            post |= field.Is(":method"u8) && field.Value.AsSpan().SequenceEqual("POST"u8);
            grpc |= field.Is("content-type"u8) && IsContent(field.Value);
            if (field.Is(":path"u8))
            {
                Path = field.Value;
            }
            else if (field.Is("grpc-timeout"u8))
            {
                Timeout = field.Value;
            }
        }

        IsGrpc = post && grpc;
    }

    internal bool IsGrpc { get; }

    internal ReadOnlySpan<byte> Path { get; }

    /// <summary>As it was sent; empty: there is none.</summary>
    internal ReadOnlySpan<byte> Timeout { get; }

    private static bool IsContent(ReadOnlySpan<byte> contentType)
    {
        ReadOnlySpan<byte> grpc = "application/grpc"u8;
        return contentType.Length >= grpc.Length && Ascii.EqualsIgnoreCase(contentType[..grpc.Length], grpc)
            && (contentType.Length == grpc.Length || contentType[grpc.Length] is (byte)'+' or (byte)';');
    }
}
