namespace Cloister.Enclave.Base;

/// <summary>How many calls there were. secrets: none.</summary>
public sealed class CallCounters
{
    private readonly List<CallMeter> _meters = [];
    private long _encrypted;
    private long _decrypted;
    private long _failed;
    private long _connectionsRefused;
    private long _connectionsGaveWay;
    private long _requestsGaveWay;

    /// <summary>Calls of each method; complete when every socket listens.</summary>
    public IReadOnlyList<CallMeter> Meters
    {
        get
        {
            lock (_meters)
            {
                return [.. _meters];
            }
        }
    }

    /// <summary>Encryptions that succeeded.</summary>
    public long Encryptions => Volatile.Read(ref _encrypted);

    /// <summary>Decryptions that succeeded.</summary>
    public long Decryptions => Volatile.Read(ref _decrypted);

    /// <summary>Calls that failed.</summary>
    public long Failures => Volatile.Read(ref _failed);

    /// <summary>Connections that were closed: by uid, key or silence, or for want of room.</summary>
    public long ConnectionsRefused => Volatile.Read(ref _connectionsRefused);

    /// <summary>Idle or slow connections that were closed so that others have room.</summary>
    public long ConnectionsGaveWay => Volatile.Read(ref _connectionsGaveWay);

    /// <summary>Half-sent requests that were given up for others, or because they took too long.</summary>
    public long RequestsGaveWay => Volatile.Read(ref _requestsGaveWay);

    internal void Add(IEnumerable<CallMeter> meters)
    {
        lock (_meters)
        {
            _meters.AddRange(meters);
        }
    }

    internal void Encrypted() => Interlocked.Increment(ref _encrypted);

    internal void Decrypted() => Interlocked.Increment(ref _decrypted);

    internal void ConnectionRefused() => Interlocked.Increment(ref _connectionsRefused);

    internal void ConnectionGaveWay() => Interlocked.Increment(ref _connectionsGaveWay);

    internal void RequestGaveWay() => Interlocked.Increment(ref _requestsGaveWay);

    internal void Failed() => Interlocked.Increment(ref _failed);
}
