using System.Diagnostics;
using Cloister.Enclave.Wire.Http2;

namespace Cloister.Enclave.Gateway.Transport;

/// <summary>How far a call is. Forward only; <see cref="ProxyStream.MoveTo"/> has what may follow what.</summary>
internal enum ProxyState
{
    /// <summary>The API server has begun it, and etcd does not know of it.</summary>
    Deferred,

    /// <summary>It is open at etcd.</summary>
    Asked,

    /// <summary>etcd's answer has begun.</summary>
    Answering,

    /// <summary>Answered here: what either side still sends is not read.</summary>
    Refused,

    /// <summary>No longer among the session's streams; what a thread still holds of it leads nowhere.</summary>
    Gone,
}

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

    /// <summary>Timestamps of the beginning, and of when etcd was asked: no watch, which lasts as long as it likes, is counted.</summary>
    internal long Began { get; } = Stopwatch.GetTimestamp();

    internal long Asked { get; private set; }

    /// <summary>From the API server to etcd.</summary>
    internal StreamLeg Request { get; }

    /// <summary>From etcd to the API server.</summary>
    internal StreamLeg Response { get; }

    internal ProxyState State { get; private set; }

    /// <summary>The response has begun: what follows are trailers.</summary>
    internal bool ResponseBegun => State >= ProxyState.Answering;

    internal bool Refused => State == ProxyState.Refused;

    internal bool Gone => State == ProxyState.Gone;

    /// <summary>The only way from one state to the next.</summary>
    /// <exception cref="UnreachableException">Not that one follows: a fault of this program, which ends the connection.</exception>
    internal void MoveTo(ProxyState next)
    {
        bool follows = (State, next) is (ProxyState.Deferred, ProxyState.Asked) or (ProxyState.Asked, ProxyState.Answering)
            or (<= ProxyState.Answering, ProxyState.Refused) or (_, ProxyState.Gone);
        Asked = next == ProxyState.Asked ? Stopwatch.GetTimestamp() : Asked;
        State = follows ? next : throw new UnreachableException($"{State} is not followed by {next}");
    }
}
