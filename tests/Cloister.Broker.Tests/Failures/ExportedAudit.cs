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
    /// <summary>Verifies, and answers the leases whose granting is logged.</summary>
    public static async Task<HashSet<string>> VerifyAsync(SqlBrokerState state, BrokerFolder folder)
    {
        CancellationToken stop = TestContext.Current.CancellationToken;
        using IRootKey root = FileRootKey.Open(folder.RootKeyFile);
        using CheckpointSigner signer = await AuthorityKeys.OpenCheckpointsAsync(state, root, await AuditOrigin.OpenAsync(state, "", stop), stop);
        List<AuditLine> lines = await state.ExportAuditAsync(1, stop).ToListAsync(stop);
        AuditVerdict verdict = AuditVerifier.Verify(lines, await state.ListCheckpointsAsync(stop), signer.Key);
        Assert.True(verdict.IsGood, verdict.Problem);
        Assert.True(verdict.LastSeq > 0);
        return
        [
            .. lines.Select(line => line.Entry).Where(entry => entry?.Kind == "lease.granted")
                .Select(entry => JsonDocument.Parse(entry!.Details).RootElement.GetProperty("lease").GetString()!),
        ];
    }
}
