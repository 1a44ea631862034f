using System.IO.Pipelines;
using Cloister.Enclave.Transport;
using Microsoft.AspNetCore.Http.Features;

namespace Cloister.Enclave.Rpc;

/// <summary>One request in flight: its HTTP/2 stream and its buffers, used again for later requests. secrets: its buffers, wiped by <see cref="End"/>.</summary>
internal sealed class GrpcCallState
{
    internal GrpcCallState(int maxMessageSize)
    {
        Request = new WipedBuffer(maxMessageSize);
        Response = new WipedBuffer(maxMessageSize);
        Incomplete = new LinkedListNode<GrpcCallState>(this);
    }

    internal IFeatureCollection Features { get; private set; } = null!;

    internal WipedBuffer Request { get; }

    internal WipedBuffer Response { get; }

    internal UnaryCall Call { get; } = new();

    /// <summary>Its place among those that are not whole; the next five are the budget's.</summary>
    internal LinkedListNode<GrpcCallState> Incomplete { get; }

    internal PipeReader? Body { get; set; }

    internal long Since { get; set; }

    internal long Charged { get; set; }

    /// <summary>Why it had to give way, or null.</summary>
    internal RpcException? Loss { get; set; }

    /// <summary>The connection that is busy with it, once it is whole.</summary>
    internal ConnectionTable.Connection? Connection { get; set; }

    internal void Begin(IFeatureCollection features) => Features = features;

    internal void End()
    {
        Connection?.EndCall();
        Connection = null;
        Features = null!;
        Request.Reset();
        Response.Reset();
        Call.Dispose();
    }
}
