using Cloister.Cli.Doctor;
using Cloister.Cli.Doctor.Checks;
using Cloister.Cli.Metrics;
using Cloister.Contracts.EnclaveAdmin;

namespace Cloister.Cli.Tests.Doctor;

public sealed class LeaseTests
{
    private const ulong Now = 1_700_000_000_000;

    public static TheoryData<string, string, string, Action<LeaseState>> Leases => new()
    {
        { "Ok", "lease", "60 min left", _ => { } },
        { "Ok", "budget", "1000 wraps and 2000 unwraps", _ => { } },
        { "Error", "lease", "none of https://b", lease => (lease.Lease, lease.FailedStep, lease.Failure) = ("", "policy", "measurement") },
        { "Error", "lease", "policy: measurement", lease => (lease.Lease, lease.FailedStep, lease.Failure) = ("", "policy", "measurement") },
        { "Error", "lease", "it is being asked for", lease => lease.Lease = "" },
        { "Error", "lease", "writes have stopped, reads stop in 30 s", lease => (lease.Expires, lease.GraceEnd) = (Now - 1, Now + 30_000) },
        { "Error", "lease", "reads stop in 0 s", lease => (lease.Expires, lease.GraceEnd) = (Now - 1, Now - 1) },
        { "Error", "budget", "budget used up, reads have stopped, writes go on", lease => lease.UnwrapsLeft = 0 },
        { "Error", "budget", "budget used up, writes have stopped, reads go on", lease => lease.WrapsLeft = 0 },
        { "Error", "budget", "budget used up, writes and reads have stopped", lease => (lease.WrapsLeft, lease.UnwrapsLeft) = (0, 0) },
        { "Error", "audit", "the broker's audit log went back", lease => lease.AuditWentBack = 1 },
        { "Warn", "renewal", "not renewed: connect: refused", lease => (lease.FailedStep, lease.Failure) = ("connect", "refused") },
        { "Warn", "renewal", "not renewed: auth: no", lease => (lease.FailedStep, lease.Failure) = ("auth", "auth: no") },
        { "Warn", "copy", "from the sealed copy", lease => lease.Restored = true },
        { "Warn", "copy", "a sealed copy is kept that survives a revocation", lease => lease.KeepsSealedCopy = true },
    };

    [Theory]
    [MemberData(nameof(Leases))]
    public void A_lease_is_judged_by_the_enclave_s_clock(string state, string check, string seen, Action<LeaseState> change)
    {
        ArgumentNullException.ThrowIfNull(change);
        LeaseState lease = Good();
        change(lease);
        Finding finding = check switch
        {
            "lease" => LeaseChecks.Held("/s", lease),
            "budget" => LeaseChecks.Budget("/s", lease)!,
            "audit" => LeaseChecks.Audit("/s", lease),
            "renewal" => LeaseChecks.Renewal("/s", lease),
            _ => LeaseChecks.SealedCopy("/s", lease)!,
        };
        Assert.Equal(state, finding.State.ToString());
        Assert.Contains(seen, finding.Seen, StringComparison.Ordinal);
        Assert.Equal(state == "Ok", finding.Fix.Length == 0);
    }

    [Fact]
    public void Metrics_of_a_lease()
    {
        LeaseState lease = Good();
        lease.FailedStep = "connect";
        (lease.AuditSize, lease.AuditWentBack) = (7, 2);
        lease.Brokers.Add(new BrokerReach { Broker = "https://b", Answered = true, Silent = 1500 });
        lease.Brokers.Add(new BrokerReach { Broker = "https://c", Failing = true, Failure = "connect: ConnectionRefused" });
        lease.Brokers.Add(new BrokerReach { Broker = "https://never-asked" });
        string text = MetricsText.Write([("/s", new EnclaveState { Health = "ok", Lease = lease })]);
        foreach (string line in (string[])
        [
            "cloister_lease_held{socket=\"/s\"} 1", "cloister_lease_seconds_left{socket=\"/s\"} 3600", "cloister_lease_wraps_left{socket=\"/s\"} 1000",
            "cloister_lease_unwraps_left{socket=\"/s\"} 2000", "cloister_lease_renewal_failing{socket=\"/s\"} 1", "cloister_lease_restored{socket=\"/s\"} 0",
            "cloister_broker_reachable{socket=\"/s\",broker=\"https://b\"} 1", "cloister_broker_reachable{socket=\"/s\",broker=\"https://c\"} 0",
            "cloister_broker_silent_seconds{socket=\"/s\",broker=\"https://b\"} 1.5", "cloister_lease_audit_size{socket=\"/s\"} 7", "cloister_lease_audit_went_back_total{socket=\"/s\"} 2",
        ])
        {
            Assert.Contains(line + "\n", text, StringComparison.Ordinal);
        }

        Assert.DoesNotContain("never-asked", text, StringComparison.Ordinal);
        lease.Lease = "";
        text = MetricsText.Write([("/s", new EnclaveState { Health = "ok", Lease = lease })]);
        Assert.Contains("cloister_lease_held{socket=\"/s\"} 0\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain("cloister_lease_seconds_left{", text, StringComparison.Ordinal);
    }

    private static LeaseState Good() => new()
    {
        Broker = "https://b", Kek = "k", Lease = "l", Now = Now, Expires = Now + 3_600_000, GraceEnd = Now + 3_600_000, RenewAfter = Now + 1_800_000, WrapsLeft = 1000, UnwrapsLeft = 2000,
    };
}
