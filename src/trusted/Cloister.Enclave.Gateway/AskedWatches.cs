using Cloister.Enclave.Base;

namespace Cloister.Enclave.Gateway;

/// <summary>One watch that was asked for. secrets: none.</summary>
/// <param name="Keys">Its keys.</param>
/// <param name="Id">The watch_id that the API server chose; 0 when etcd chooses.</param>
/// <param name="PreviousPairs">Whether events have the pair from before.</param>
internal sealed record AskedWatch(KeyRange Keys, long Id, bool PreviousPairs);

/// <summary>
/// The watches of one stream: those that etcd has not answered yet, in the order of their requests, which etcd answers in that order, and
/// those that it has, by watch_id. Bounded. Thread-safe. Source: etcd, api/v3rpc/watch.go. secrets: none.
/// </summary>
internal sealed class AskedWatches
{
    /// <summary>The watch_id that stands for no watch, or for all.</summary>
    internal const long NoWatch = -1;

    /// <summary>Watches on one stream.</summary>
    internal const int MaxWatches = 10_000;

    private const int MaxKeyBytes = 2 * 1024 * 1024;

    private readonly Lock _lock = new();
    private readonly Queue<AskedWatch> _pending = [];
    private readonly Dictionary<long, AskedWatch> _open = [];
    private int _keyBytes;

    /// <summary>A watch is asked for.</summary>
    /// <exception cref="FailureException">LimitReached: too many on this stream.</exception>
    internal void Ask(AskedWatch watch)
    {
        lock (_lock)
        {
            if (_pending.Count + _open.Count >= MaxWatches || _keyBytes + watch.Keys.Size > MaxKeyBytes)
            {
                throw new FailureException(FailureKind.LimitReached, $"a stream has at most {MaxWatches} watches, and {MaxKeyBytes} bytes of keys: use several");
            }

            _keyBytes += watch.Keys.Size;
            _pending.Enqueue(watch);
        }
    }

    /// <summary>What the events of an answer are compared with; null when it may have none.</summary>
    /// <param name="id">Its watch_id.</param>
    /// <param name="created">It says that a watch was created.</param>
    /// <param name="canceled">It says that it ended, or was not created.</param>
    /// <exception cref="EtcdRefusalException">The answer is to no watch that was asked for.</exception>
    internal AskedWatch? Answered(long id, bool created, bool canceled)
    {
        lock (_lock)
        {
            if (created)
            {
                return Created(id, canceled);
            }

            if (id == NoWatch)
            {
                return null;
            }

            AskedWatch watch = _open.GetValueOrDefault(id) ?? throw EtcdRefusalException.Answer(EtcdFault.NotAsked, $"watch {id} was never asked for, or is over", default);
            if (canceled)
            {
                _open.Remove(id);
                _keyBytes -= watch.Keys.Size;
            }

            return watch;
        }
    }

    private AskedWatch? Created(long id, bool canceled)
    {
        if (!_pending.TryDequeue(out AskedWatch? watch))
        {
            throw EtcdRefusalException.Answer(EtcdFault.NotAsked, $"watch {id} was created and never asked for", default);
        }

        if (canceled)
        {
            _keyBytes -= watch.Keys.Size;
            return null;
        }

        if (id < 0 || (watch.Id != 0 && watch.Id != id) || !_open.TryAdd(id, watch))
        {
            throw EtcdRefusalException.Answer(EtcdFault.WatchId, $"watch_id {id} is another than was asked for, or another watch has it", watch.Keys.Key);
        }

        return watch;
    }
}
