namespace Cloister.Enclave.Gateway.Transport;

/// <summary>One endpoint of etcd and what is known of it. Thread-safe. secrets: none.</summary>
internal sealed class EtcdMember(EtcdEndpoint endpoint)
{
    private long _served = Environment.TickCount64;
    private long _failures;
    private bool _sick;

    internal EtcdEndpoint Endpoint { get; } = endpoint;

    internal string Name { get; } = endpoint.EndPoint.ToString() ?? "";

    /// <summary>It was asked for work and did not do it.</summary>
    internal bool IsSick
    {
        get => Volatile.Read(ref _sick);
        set => Volatile.Write(ref _sick, value);
    }

    /// <summary>How often in a row it said nothing when it was asked.</summary>
    internal int Silent { get; set; }

    /// <summary>When it last carried out a call that needs the cluster, in the machine's milliseconds.</summary>
    internal long Served => Volatile.Read(ref _served);

    /// <summary>How often it could not be reached or did not do its work.</summary>
    internal long Failures => Volatile.Read(ref _failures);

    internal void HasServed() => Volatile.Write(ref _served, Environment.TickCount64);

    internal void HasFailed() => Interlocked.Increment(ref _failures);
}
