using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Cloister.Audit;
using Cloister.Broker.State;
using Cloister.Broker.State.Audit;
using Cloister.Broker.Tests.Processes;

namespace Cloister.Broker.Tests.Failures;

/// <summary>The audit log as an auditor has it: exported as lines, verified against the pin alone.</summary>
internal static class ExportedAudit
{
    /// <summary>The authority's public key, as a running broker shows it.</summary>
    public static async Task<byte[]> AuthorityOfAsync(BrokerProcess broker)
    {
        byte[]? key = null;
        using TcpClient tcp = new();
        await tcp.ConnectAsync(broker.Url.Host, broker.Url.Port, TestContext.Current.CancellationToken);
        await using SslStream tls = new(tcp.GetStream(), false, (_, _, chain, _) =>
        {
            using X509Certificate2? authority = chain!.ChainPolicy.ExtraStore.FirstOrDefault(sent => BrokerProcess.PinOf(sent) == broker.Pin);
            key = authority?.PublicKey.ExportSubjectPublicKeyInfo();
            return key is not null;
        });
        await tls.AuthenticateAsClientAsync("broker");
        return key!;
    }

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
