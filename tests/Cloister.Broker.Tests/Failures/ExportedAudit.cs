using System.Text.Json;
using Cloister.Audit;
using Cloister.Broker.State;
using Cloister.Broker.State.Audit;

namespace Cloister.Broker.Tests.Failures;

/// <summary>The audit log as an auditor has it: exported as lines, verified against the pin alone.</summary>
internal static class ExportedAudit
{
    /// <summary>Exports, verifies, and answers the leases whose granting is logged.</summary>
    public static async Task<HashSet<string>> VerifyAsync(SqlBrokerState state, byte[] authority, string pin)
    {
        await using StringWriter text = new();
        await AuditExport.WriteAsync(state, text, new AuditAuthority(authority), 1, TestContext.Current.CancellationToken);
        string[] lines = text.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        AuditVerdict verdict = AuditLines.Verify(lines, pin, 1);
        Assert.True(verdict.IsGood, verdict.Problem);
        Assert.True(verdict.LastSeq > 0);
        return
        [
            .. lines.Select((line, index) => AuditLines.Parse(line, index + 1).Entry)
                .Where(entry => entry?.Kind == "lease.granted")
                .Select(entry => JsonDocument.Parse(entry!.Details).RootElement.GetProperty("lease").GetString()!),
        ];
    }
}
