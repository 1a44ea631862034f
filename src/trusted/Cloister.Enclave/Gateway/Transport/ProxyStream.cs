using Cloister.Enclave.Gateway.Http2;

namespace Cloister.Enclave.Gateway.Transport;

/// <summary>One call, on a stream of each side. The session's gate guards it. secrets: see its legs.</summary>
internal sealed class ProxyStream
{
    internal ProxyStream(int id, EtcdMethod method, int requestWindow, int responseWindow)
    {
        Id = id;
        Path = method.Path;
        NeedsCluster = method.NeedsCluster;
        IsWatch = method.Response == EtcdMessage.WatchResponse;
        Request = new StreamLeg(this, method.Request, requestWindow);
        Response = new StreamLeg(this, method.Response, responseWindow);
    }

    /// <summary>The number of the API server's stream.</summary>
    internal int Id { get; }

    /// <summary>The number of etcd's; 0 before it is opened there, which is when there is something to ask.</summary>
    internal int EtcdId { get; set; }

    /// <summary>The headers that open it at etcd, until then.</summary>
    internal List<HeaderField>? Opening { get; set; }

    /// <summary>Bytes that these are counted with.</summary>
    internal long OpeningSize { get; set; }

    internal string Path { get; }

    /// <summary>What was asked.</summary>
    internal EtcdCall Call { get; } = new();

    /// <summary>It lasts, and its request with it; every other request is one message.</summary>
    internal bool IsWatch { get; }

    /// <summary>A member of etcd cannot carry it out alone.</summary>
    internal bool NeedsCluster { get; }

    /// <summary>When it was opened, in the machine's milliseconds.</summary>
    internal long Opened { get; } = Environment.TickCount64;

    /// <summary>From the API server to etcd.</summary>
    internal StreamLeg Request { get; }

    /// <summary>From etcd to the API server.</summary>
    internal StreamLeg Response { get; }

    /// <summary>The response has begun: what follows are trailers.</summary>
    internal bool ResponseBegun { get; set; }

    /// <summary>Answered here: what either side still sends is not read.</summary>
    internal bool Refused { get; set; }

    /// <summary>No longer among the session's streams; what a thread still holds of it leads nowhere.</summary>
    internal bool Gone { get; set; }
}
