namespace Cloister.Enclave.Gateway;

/// <summary>
/// One call to etcd: what was asked, which its answers are compared with. Requests are taken by one thread, answers by another, each one
/// after the other. secrets: none.
/// </summary>
public sealed class EtcdCall
{
    private volatile AskedOperation? _asked;
    private volatile AskedWatches? _watches;

    /// <summary>What a call that asks once asked; null before that.</summary>
    internal AskedOperation? Asked => _asked;

    /// <summary>The watches of a stream of them; null before the first was asked for.</summary>
    internal AskedWatches? Watches => _watches;

    /// <summary>What asks once was answered: no second answer is one to it.</summary>
    internal bool Answered { get; set; }

    /// <summary>Pairs of a range that were answered so far, over all messages of a stream.</summary>
    internal long AnsweredPairs { get; set; }

    /// <summary>The last key of the messages so far; null for none.</summary>
    internal byte[]? LastKey { get; set; }

    /// <summary>Takes what is asked.</summary>
    /// <returns>False when something was asked before.</returns>
    internal bool TryAsk(AskedOperation operation)
    {
        if (_asked is not null)
        {
            return false;
        }

        _asked = operation;
        return true;
    }

    /// <summary>Takes a watch that is asked for.</summary>
    internal void Ask(AskedWatch watch) => (_watches ??= new AskedWatches()).Ask(watch);
}
