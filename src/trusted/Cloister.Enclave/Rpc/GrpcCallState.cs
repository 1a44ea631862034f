using Microsoft.AspNetCore.Http.Features;

namespace Cloister.Enclave.Rpc;

/// <summary>One request in flight: its HTTP/2 stream and its buffers, used again for later requests. secrets: its buffers, wiped by <see cref="End"/>.</summary>
internal sealed class GrpcCallState
{
    internal GrpcCallState(int maxMessageSize)
    {
        Request = new WipedBuffer(maxMessageSize);
        Response = new WipedBuffer(maxMessageSize);
    }

    internal IFeatureCollection Features { get; private set; } = null!;

    internal WipedBuffer Request { get; }

    internal WipedBuffer Response { get; }

    internal UnaryCall Call { get; } = new();

    internal void Begin(IFeatureCollection features) => Features = features;

    internal void End()
    {
        Features = null!;
        Request.Reset();
        Response.Reset();
        Call.Dispose();
    }
}
