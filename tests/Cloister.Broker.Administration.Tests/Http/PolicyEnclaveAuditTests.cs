using System.Text.Json;
using Cloister.AdminApi;
using Cloister.Administration.Client;
using Cloister.Audit;
using Cloister.Broker.State.Evidence;
using Cloister.Broker.State.Leases;
using Cloister.Broker.Tests;
using Cloister.Kbs;

namespace Cloister.Broker.Administration.Tests.Http;

/// <summary>Policies and their dry run, leases, revocations, the audit log.</summary>
public sealed class PolicyEnclaveAuditTests
{
    private static readonly EvidenceLimits Limits = new(100, 100, TimeSpan.FromDays(30));

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_dry_run_says_what_a_policy_would_have_refused()
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync();
        using SimulatedEnclave other = new(server.Broker.Time);
        DateTimeOffset start = server.Broker.Time.GetUtcNow();
        await KeepAsync(server, server.Enclave, "lease1", accepted: true);
        server.Broker.Time.Advance(TimeSpan.FromDays(1));
        await KeepAsync(server, other, "lease2", accepted: true);
        await KeepAsync(server, server.Enclave, "", accepted: false);
        DateTimeOffset end = server.Broker.Time.GetUtcNow().AddSeconds(1);

        DryRunResult all = await server.Carol.DryRunAsync(new DryRunRequest(server.Enclave.Policy(), start, end), Cancellation);
        Assert.Equal((2, 1, false), (all.Accepted, all.Refused, all.Truncated));
        Assert.Equal(2, all.Verdicts.Count);
        DryRunVerdict refused = all.Verdicts.Single(verdict => !verdict.Accepted);
        Assert.Equal(("lease2", true, "enclave", "c1", "secrets", "sgx"), (refused.Lease, refused.WasAccepted, refused.Step, refused.Cluster, refused.Kek, refused.Tee));
        Assert.True(all.Verdicts.Single(verdict => verdict.Accepted) is { WasAccepted: false, Step: "" });

        DryRunResult first = await server.Alice.DryRunAsync(new DryRunRequest(server.Enclave.Policy(), start, start.AddHours(1)), Cancellation);
        Assert.Equal((1, 0), (first.Accepted, first.Refused));
        Assert.Empty((await server.Alice.DryRunAsync(new DryRunRequest(server.Enclave.Policy(), start, end, Kek: "another"), Cancellation)).Verdicts);

        string pinned = server.Enclave.Policy().Replace(SimulatedEnclave.ConfigDigest, new string('d', 96), StringComparison.Ordinal);
        Assert.Equal("config_digest", (await server.Alice.DryRunAsync(new DryRunRequest(pinned, start, start.AddHours(1)), Cancellation)).Verdicts[0].Step);
        AdministrationRefusedException bad = await Assert.ThrowsAsync<AdministrationRefusedException>(
            () => server.Alice.DryRunAsync(new DryRunRequest("kind: Other", start, end), Cancellation));
        Assert.Equal(AdminErrors.BadRequest, bad.Error);
    }

    [Fact]
    public async Task Policies_keep_their_versions()
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync();
        await server.Alice.SetPolicyAsync("production", "one", Cancellation);
        PolicyDocument second = await server.Alice.SetPolicyAsync("production", "two", Cancellation);
        Assert.Equal((2, "two", "alice"), (second.Version, second.Yaml, second.UpdatedBy));
        Assert.Equal(["one", "two"], (await server.Carol.GetPolicyAsync("production", Cancellation)).Select(policy => policy.Yaml));
        PolicyDocument listed = Assert.Single(await server.Carol.ListPoliciesAsync(Cancellation));
        Assert.Equal(second, listed with { OtherRoots = second.OtherRoots });
        Assert.Empty(listed.OtherRoots);
        AdministrationRefusedException refused = await Assert.ThrowsAsync<AdministrationRefusedException>(() => server.Alice.SetPolicyAsync("production", "bad", Cancellation));
        Assert.Contains("1:1: not a policy", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Live_leases_show_what_revoked_them()
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync();
        DateTimeOffset now = server.Broker.Time.GetUtcNow();
        LeaseRecord lease = new(new string('1', 32), "thumb", "c1", "tee", "secrets", "sgx", "aa", "bb", "cc", "p", now, now, now.AddHours(1), 0, 0, 0);
        await server.Broker.State.GrantLeaseAsync(new LeaseGrant(lease), Cancellation);
        await server.Broker.State.GrantLeaseAsync(new LeaseGrant(lease with { Id = new string('2', 32), Instance = "gone", ExpiresAt = now.AddMinutes(1) }), Cancellation);
        server.Broker.Time.Advance(TimeSpan.FromMinutes(2));

        EnclaveLease live = Assert.Single(await server.Carol.ListEnclavesAsync(null, ended: false, Cancellation));
        Assert.Equal(("thumb", "", lease.ExpiresAt), (live.Instance, live.Revoked, live.Until));
        Assert.Equal(2, (await server.Carol.ListEnclavesAsync("c1", ended: true, Cancellation)).Count);

        Assert.True(await server.Alice.RevokeAsync(new RevokeRequest("measurement", "aa", "old build"), Cancellation));
        Assert.False(await server.Alice.RevokeAsync(new RevokeRequest("measurement", "aa", "old build"), Cancellation));
        Assert.Equal("measurement", Assert.Single(await server.Carol.ListEnclavesAsync(null, ended: false, Cancellation)).Revoked);
        RevocationEntry entry = Assert.Single(await server.Carol.ListRevocationsAsync(Cancellation));
        Assert.Equal(("measurement", "aa", "old build", "alice"), (entry.Kind, entry.Value, entry.Reason, entry.By));
        Assert.True(await server.Alice.LiftAsync(new LiftRequest("measurement", "aa"), Cancellation));
        Assert.False(await server.Alice.LiftAsync(new LiftRequest("measurement", "aa"), Cancellation));
        await Assert.ThrowsAsync<AdministrationRefusedException>(() => server.Alice.RevokeAsync(new RevokeRequest("node", "x", "y"), Cancellation));
        await Assert.ThrowsAsync<AdministrationRefusedException>(() => server.Alice.RevokeAsync(new RevokeRequest("kek", "x", " "), Cancellation));
    }

    [Fact]
    public async Task The_audit_log_is_read_and_checked_far_from_the_broker()
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync();
        await server.Broker.NewKekAsync("payments", Cancellation);
        await server.CheckpointAsync();
        await server.Alice.RotateKekAsync("payments", null, Cancellation);

        List<string> lines = [];
        await foreach (string line in server.Carol.ReadAuditAsync(1, Cancellation))
        {
            lines.Add(line);
        }

        // The keys of the log, policy.set, kek.create, a checkpoint, alice's key, kek.rotate, carol's key.
        Assert.Equal(7, lines.Count);
        AuditVerdict verdict = AuditLines.Verify(lines, server.AuditPin, 1);
        Assert.Equal((null, 5, 2), (verdict.Problem, verdict.LastSeq, verdict.LastCheckpointSeq));
        lines[2] = lines[2].Replace("alice", "mallory", StringComparison.Ordinal);
        Assert.Equal(2, AuditLines.Verify(lines, server.AuditPin, 1).FirstBadSeq);
    }

    private static Task KeepAsync(AdministrationServer server, SimulatedEnclave enclave, string lease, bool accepted)
    {
        AttestRequest request = enclave.Answer("8Uv9kzBvtsqrfq0M69tUqVrXpQoyeOSSiMxTjCq7avY=", SimulatedEnclave.Statement());
        return server.Broker.State.KeepEvidenceAsync(
            new EvidenceRecord(
                accepted, lease, "thumb", "sgx", accepted ? "" : "tcb", server.Broker.Time.GetUtcNow(), JsonSerializer.SerializeToUtf8Bytes(request, KbsJson.Default.AttestRequest)),
            Limits, Cancellation);
    }
}
