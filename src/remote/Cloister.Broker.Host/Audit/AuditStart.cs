using Cloister.Audit;
using Cloister.Broker.Host.Configuration;
using Cloister.Broker.Host.Hosting;
using Cloister.Broker.State;
using Cloister.Broker.State.Audit;

namespace Cloister.Broker.Host.Audit;

/// <summary>What a broker does with the audit log before it serves: it has to go on from what is remembered of it; then the start is the next entry.</summary>
internal static class AuditStart
{
    /// <summary>Checks, and writes <c>broker.started</c>.</summary>
    /// <exception cref="BrokerStateException"><see cref="BrokerStateError.AuditConflict"/>: the log does not go on from what is remembered.</exception>
    public static async Task ContinueAsync(
        IBrokerState state, HeadMemory memory, CheckpointSigner signer, BrokerConfiguration configuration, string version, BrokerLog log, CancellationToken cancellation)
    {
        RememberedHead? remembered = memory.Read();
        if (remembered is not null && remembered.Origin != signer.Origin)
        {
            throw new BrokerStateException(
                BrokerStateError.AuditConflict,
                $"the database has the audit log {signer.Origin}, and this broker remembers {remembered.Origin}, entry {remembered.Size} ({memory.Path}): see docs/audit-log.md, 'When a broker refuses the log'");
        }

        if (remembered is not null)
        {
            await state.ContinueAsync(remembered.Tree(), cancellation);
        }
        else
        {
            await TrustAsync(state, memory, signer, log, cancellation);
        }

        await state.AppendAsync(ConfigurationAudit.Started(version, configuration, signer.Origin, remembered?.Size ?? 0), cancellation);
    }

    // Nothing is remembered: the newest checkpoint in the database is all that there is to hold the log against.
    private static async Task TrustAsync(IAuditLog state, HeadMemory memory, CheckpointSigner signer, BrokerLog log, CancellationToken cancellation)
    {
        if (memory.Path is null)
        {
            log.HeadHasNoPlace();
        }

        if ((await state.ListCheckpointsAsync(cancellation)) is not [.., { } newest])
        {
            return;
        }

        log.HeadUnknown(newest.Size);
        if (newest.Origin != signer.Origin || !newest.Note.IsSignedBy(signer.Key))
        {
            throw new BrokerStateException(
                BrokerStateError.AuditConflict, $"the newest checkpoint of the audit log in the database, of entry {newest.Size}, is not signed by this broker's key: see docs/audit-log.md, 'When a broker refuses the log'");
        }
    }
}
