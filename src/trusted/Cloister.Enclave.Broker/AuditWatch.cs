using Cloister.Enclave.Base;
using Cloister.Kbs;

namespace Cloister.Enclave.Broker;

/// <summary>Remembers how far the broker's audit log was, and says so when it goes back or is another: somebody changed it, or put an old database back. Not thread-safe. secrets: none.</summary>
internal sealed class AuditWatch
{
    private LogHead? _seen;

    /// <summary>Entries that the log had.</summary>
    internal long Size => _seen?.Size ?? 0;

    /// <summary>How often it was not what it had been.</summary>
    internal long WentBack { get; private set; }

    /// <summary>Takes in what a broker signed; null says nothing.</summary>
    internal void Observe(LogHead? head, EnclaveLog log)
    {
        if (head is null)
        {
            return;
        }

        if (_seen is not null && (head.Size < _seen.Size || (head.Size == _seen.Size && !head.Root.AsSpan().SequenceEqual(_seen.Root))))
        {
            WentBack++;
            log.AuditWentBack(head.Size, _seen.Size);
        }

        _seen = head;
    }
}
