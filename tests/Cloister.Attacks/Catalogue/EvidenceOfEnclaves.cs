using Cloister.Attacks.Framework;
using Cloister.Attacks.Grounds;
using Cloister.Audit;
using Cloister.Broker.Tests.Failures;
using Grpc.Core;

namespace Cloister.Attacks.Catalogue;

/// <summary>A host runs an enclave that is not the one of the policy, or shows other evidence than its enclave's: whole enclave programs against a real broker.</summary>
internal abstract class EvidenceAttack(string name, string has, string how, string simulation, string step) : Attack(name, Attacker.Host, has, Promise.Protected, how)
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster cluster = await ground.SharedClusterAsync();
        EnclaveFolder folder = ground.Add(new EnclaveFolder(cluster.Enclaves));

        // The control first: its quote is what a replay shows.
        folder.Configure(cluster.Broker.Pin, [cluster.Broker.Url]);
        await using (EnclaveProcess good = new(folder))
        {
            await good.ReadyAsync();
        }

        folder.Configure(cluster.Broker.Pin, [cluster.Broker.Url], simulation);
        await using EnclaveProcess bad = new(folder);
        RpcException error = await bad.FailsAsync(step);
        List<AuditEntry> audit = await cluster.Admin.AuditAsync();
        bool logged = audit.Any(entry => entry.Kind == "evidence.refused" && entry.Details.Contains($"\"{step}\"", StringComparison.Ordinal));
        return new Outcome(
            logged ? Trial.Refused(error.Status.Detail) : Trial.Success("it is not in the broker's audit log as refused"),
            Trial.Success("the enclave of the policy, on the same platform, gets the KEK"));
    }
}

internal sealed class AnotherMeasurement() : EvidenceAttack(
    "another-measurement", "an enclave of his own on a good platform", "the policy names the measurement",
    "measurement: \"0badc0de0badc0de0badc0de0badc0de0badc0de0badc0de0badc0de0badc0de\"", "enclave");

internal sealed class DebugEnclave() : EvidenceAttack(
    "debug-enclave", "the right enclave in debug mode, whose memory he reads", "the policy refuses debug", "debug: true", "debug");

internal sealed class ChangedQuote() : EvidenceAttack(
    "changed-quote", "a quote, which he changes", "the platform's signature covers it", "tamper: quote-signature", "quote_signature");

internal sealed class QuoteForOtherData() : EvidenceAttack(
    "quote-for-other-data", "a good quote that does not cover his key and nonce", "the broker works report data out from nonce, key and statement", "tamper: report-data", "report_data");

internal sealed class ReplayedQuote() : EvidenceAttack(
    "replayed-quote", "the last good quote of the right enclave", "each quote covers a nonce that the broker gave", "tamper: replay", "report_data");
