using System.Net;
using System.Security.Cryptography.X509Certificates;
using Cloister.Attacks.Framework;
using Cloister.Audit;
using Cloister.Broker.State.Revocations;
using Cloister.Broker.Tests;
using Cloister.Broker.Tests.Failures;
using Cloister.Broker.Tests.Processes;
using Cloister.Conformance.Harness;

namespace Cloister.Attacks.Catalogue;

/// <summary>
/// Somebody writes the broker's database, as its administrator or with its backup, and wants the audit log to say something else. Without the protection, what
/// brokers remember outside of it is his too.
/// </summary>
internal abstract class AuditAttack(string name, string has, string how) : Attack(name, Attacker.DatabaseWriter, has, Promise.Protected, how)
{
    public override async Task<Outcome> RunAsync(Ground ground) => new(await TryAsync(ground, isProtected: true), await TryAsync(ground, isProtected: false));

    protected abstract Task<Trial> TryAsync(Ground ground, bool isProtected);

    /// <summary>A folder whose broker ran, granted a lease, and stopped; then what the attacker does; then whether a broker starts on it.</summary>
    protected static async Task<Trial> ChangedAsync(Ground ground, bool isProtected, Action<BrokerFolder, string> change)
    {
        BrokerFolder folder = ground.Add(new BrokerFolder());
        string copy = Path.Combine(folder.Folder, "copy.db");
        await LeaseAsync(folder, "first");
        folder.CopyDatabase(copy);
        await LeaseAsync(folder, "second");
        change(folder, copy);
        if (!isProtected)
        {
            Array.ForEach(folder.RememberedHeads, File.Delete);
        }

        (int code, string errors) = await StartsAsync(folder);
        return code == 0 ? Trial.Success("the broker goes on with it and signs it") : Trial.Refused(errors);
    }

    protected static async Task LeaseAsync(BrokerFolder folder, string kek)
    {
        await using BrokerProcess broker = await folder.StartAsync();
        await using OtherBroker admin = await folder.OpenAsync(broker);
        using SimulatedEnclave enclave = new(TimeProvider.System);
        await admin.MakeKekAsync(kek, enclave.Policy());
    }

    private static async Task<(int Code, string Errors)> StartsAsync(BrokerFolder folder)
    {
        try
        {
            await using BrokerProcess broker = await folder.StartAsync();
            return (0, "");
        }
        catch (Exception e) when (e.Message.Contains("does not start", StringComparison.Ordinal))
        {
            return (1, e.Message[e.Message.IndexOf("the audit log", StringComparison.Ordinal)..].Split('\n')[0]);
        }
    }
}

internal sealed class RewrittenEntry() : AuditAttack(
    "audit-entry-rewritten", "the right to write the broker's database, while no broker runs", "each broker remembers the head of the log that it signed, and starts on nothing that does not extend it")
{
    protected override Task<Trial> TryAsync(Ground ground, bool isProtected) => ChangedAsync(ground, isProtected, (folder, _) =>
    {
        // The last entry, with a hash that fits, and no checkpoint that says otherwise.
        folder.WriteDatabase("DELETE FROM AuditCheckpoints");
        folder.ChangeLastEntry("{\"nothing\":\"to see here\"}");
    });
}

internal sealed class TruncatedLog() : AuditAttack(
    "audit-log-truncated", "the right to write the broker's database, while no broker runs", "each broker remembers the head of the log that it signed, and starts on nothing that does not extend it")
{
    protected override Task<Trial> TryAsync(Ground ground, bool isProtected) => ChangedAsync(ground, isProtected, (folder, _) =>
        folder.WriteDatabase("DELETE FROM AuditCheckpoints; DELETE FROM AuditEntries WHERE Seq > 2"));
}

internal sealed class OldDatabase() : AuditAttack(
    "old-database-put-back", "a copy of the broker's database from before a revocation", "each broker remembers the head of the log that it signed, and starts on nothing that does not extend it")
{
    protected override Task<Trial> TryAsync(Ground ground, bool isProtected) => ChangedAsync(ground, isProtected, (folder, copy) => folder.PutDatabaseBack(copy));
}

internal sealed class OldDatabaseAndMemory() : AuditAttack(
    "old-database-put-back-with-what-brokers-remember", "a copy of the broker's database, and the file in which the broker remembers",
    "each lease says how far the log is: an enclave that sees it go back says so, in its log, status and metrics")
{
    public override TimeSpan Limit => TimeSpan.FromMinutes(4);

    protected override async Task<Trial> TryAsync(Ground ground, bool isProtected)
    {
        BrokerFolder folder = ground.Add(new BrokerFolder());
        EnclaveFolder enclaves = ground.Add(new EnclaveFolder(folder));
        string copy = Path.Combine(folder.Folder, "copy.db");
        BrokerProcess broker = await folder.StartAsync();
        await using (OtherBroker admin = await folder.OpenAsync(broker))
        {
            await admin.MakeKekAsync("secrets", enclaves.Policy("20s"));
        }

        int port = broker.Url.Port;
        await broker.DisposeAsync();
        folder.CopyDatabase(copy);
        broker = await folder.StartAsync(port: port);
        await using (OtherBroker admin = await folder.OpenAsync(broker))
        {
            // What the copy does not have.
            for (int i = 0; i < 20; i++)
            {
                await admin.RevokeAsync(RevocationKind.Platform, $"{i:x8}");
            }
        }

        enclaves.Configure(broker.Pin, [broker.Url]);
        EnclaveProcess enclave = ground.Add(new EnclaveProcess(enclaves));
        await enclave.ReadyAsync();
        await broker.DisposeAsync();
        folder.PutDatabaseBack(copy);
        Array.ForEach(folder.RememberedHeads, File.Delete);
        if (!isProtected)
        {
            // One that has seen nothing.
            await enclave.KillAsync();
            enclave = ground.Add(new EnclaveProcess(enclaves));
        }

        int leases = Leases(enclave);
        ground.Add(await folder.StartAsync(port: port));
        await Eventually.HoldsAsync("the enclave has a lease of the broker", TimeSpan.FromMinutes(1), () => Task.FromResult(Leases(enclave) > leases), ground.Stop, enclave.Log);
        string? said = enclave.Log().Split('\n').FirstOrDefault(line => line.Contains("AUDIT LOG WENT BACK", StringComparison.Ordinal));
        return said is null ? Trial.Success("nobody says anything") : Trial.Refused(said.Trim());
    }

    private static int Leases(EnclaveProcess enclave) => enclave.Log().Split('\n').Count(line => line.Contains("to be renewed from", StringComparison.Ordinal));
}

internal sealed class ForkedLog() : AuditAttack(
    "audit-log-forked", "a copy of the broker's database, and the file in which the broker remembers: each of two auditors gets a log of its own", "a log that does not extend what another reader has is found by 'audit verify --continues'")
{
    public override TimeSpan Limit => TimeSpan.FromMinutes(4);

    protected override async Task<Trial> TryAsync(Ground ground, bool isProtected)
    {
        BrokerFolder folder = ground.Add(new BrokerFolder());
        string copy = Path.Combine(folder.Folder, "copy.db");
        await LeaseAsync(folder, "first");
        folder.CopyDatabase(copy);
        await LeaseAsync(folder, "second");
        (string[] one, string pin) = await ExportAsync(folder, ground.Stop);
        folder.PutDatabaseBack(copy);
        Array.ForEach(folder.RememberedHeads, File.Delete);
        await LeaseAsync(folder, "third");
        await LeaseAsync(folder, "fourth");
        (string[] two, _) = await ExportAsync(folder, ground.Stop);
        AuditVerdict first = AuditLines.Verify(one, pin, 1);
        AuditVerdict second = AuditLines.Verify(two, pin, 1, claims: isProtected ? [new AuditClaim(first.Head, "the other reader's export")] : []);
        return !first.IsGood ? throw new InvalidOperationException(first.Problem)
            : second.IsGood ? Trial.Success("both logs are good, and differ")
            : Trial.Refused($"entry {second.FirstBadSeq}: {second.Problem}");
    }

    private static async Task<(string[] Lines, string Pin)> ExportAsync(BrokerFolder folder, CancellationToken stop)
    {
        using X509Certificate2 auditor = BrokerProcess.NewCertificate("carol");
        await using BrokerProcess broker = await folder.StartAsync($$"""
            admin:
              listen: 127.0.0.1:0
              administrators: [ { name: carol, key: "{{BrokerProcess.PinOf(auditor)}}", roles: [auditor] } ]
            """);
        using HttpClient http = AdministrationAttack.ClientOf(broker, auditor);
        using HttpResponseMessage answer = await http.GetAsync(new Uri("/admin/v1/audit", UriKind.Relative), stop);
        return answer.StatusCode == HttpStatusCode.OK
            ? ((await answer.Content.ReadAsStringAsync(stop)).Split('\n', StringSplitOptions.RemoveEmptyEntries), broker.Pin)
            : throw new InvalidOperationException($"no export: {(int)answer.StatusCode}");
    }
}
