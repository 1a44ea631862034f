using System.Text.Json;
using Cloister.Audit;
using Cloister.Broker.Host.Audit;
using Cloister.Broker.Host.Hosting;
using Cloister.Broker.State;
using Cloister.Broker.Tests.Processes;
using Cloister.KeyStores.RootKeys;

namespace Cloister.Broker.Tests.Failures;

/// <summary>The audit log as it is in the database, verified against the broker's key of checkpoints.</summary>
internal static class ExportedAudit
{
    /// <summary>The key of a broker's checkpoints, as its database and root key have it.</summary>
    public static async Task<NoteKey> KeyAsync(SqlBrokerState state, BrokerFolder folder)
    {
        CancellationToken stop = TestContext.Current.CancellationToken;
        await using WrappedKeys wrapped = await WrappedKeys.OpenAsync(folder.Database, stop);
        await wrapped.UnlockAsync([FileRootKey.Open(folder.RootKeyFile)], stop);
        using CheckpointSigner signer = await new AuthorityKeys(wrapped, state, [], TimeProvider.System).OpenCheckpointsAsync(await AuditOrigin.OpenAsync(state, "", stop), stop);
        return signer.Key;
    }

    /// <summary>Verifies, and answers the leases whose granting is logged.</summary>
    public static async Task<HashSet<string>> VerifyAsync(SqlBrokerState state, BrokerFolder folder)
    {
        CancellationToken stop = TestContext.Current.CancellationToken;
        NoteKey key = await KeyAsync(state, folder);
        List<AuditLine> lines = await state.ExportAuditAsync(1, stop).ToListAsync(stop);
        AuditVerdict verdict = AuditVerifier.Verify(lines, await state.ListCheckpointsAsync(stop), key);
        Assert.True(verdict.IsGood, verdict.Problem);
        Assert.True(verdict.LastSeq > 0);
        return
        [
            .. lines.Select(line => line.Entry).Where(entry => entry?.Kind == "lease.granted")
                .Select(entry => JsonDocument.Parse(entry!.Details).RootElement.GetProperty("lease").GetString()!),
        ];
    }
}
