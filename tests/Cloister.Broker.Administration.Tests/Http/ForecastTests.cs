using System.Security.Cryptography;
using System.Text.Json;
using Cloister.AdminApi;
using Cloister.Broker.State.Evidence;
using Cloister.Broker.State.Leases;
using Cloister.Broker.Tests;
using Cloister.Kbs;
using Cloister.Simulator.Dcap;

namespace Cloister.Broker.Administration.Tests.Http;

/// <summary>Which enclaves will be refused.</summary>
public sealed class ForecastTests
{
    private const string Kek = "secrets";
    private static readonly EvidenceLimits Limits = new(100, 100, TimeSpan.FromDays(30));

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string> Recoveries => ["platform", "quoting enclave", "advisory", "minDate"];

    [Theory]
    [MemberData(nameof(Recoveries))]
    public async Task A_recovery_is_known_before_it_counts(string what)
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync();
        string policy = server.Enclave.Policy().Replace("minDate: any", "minDate: 2024-03-13", StringComparison.Ordinal);
        string lease = await GrantAsync(server, policy);
        FleetForecast before = await server.Carol.ForecastAsync(Cancellation);
        Assert.Equal((0, 0, 1), (before.Failing, before.Unknown, before.WithoutEarly));
        Assert.Equal((Outlooks.Accepted, false), (Assert.Single(before.Enclaves).Outlook, before.Enclaves[0].Early));

        // Early collateral arrives, which changes nothing.
        server.Broker.Time.Advance(TimeSpan.FromMinutes(6));
        server.Early.Change = request => request with { TcbEvaluationDataNumber = 19 };
        await GrantAsync(server, policy);
        FleetForecast same = await server.Carol.ForecastAsync(Cancellation);
        Assert.Equal((0, 0, true), (same.Failing, same.WithoutEarly, same.Enclaves.All(one => one.Early)));

        server.Broker.Time.Advance(TimeSpan.FromHours(13));
        server.Early.Change = request => what switch
        {
            "platform" => request with { TcbEvaluationDataNumber = 20, Levels = [new SimulatedTcbLevel(new byte[16], 0, [], "OutOfDate", "INTEL-SA-09999")] },
            "quoting enclave" => request with { TcbEvaluationDataNumber = 20, QeLevels = [new SimulatedIsvSvnLevel(9, "UpToDate"), new SimulatedIsvSvnLevel(2, "OutOfDate")] },
            "advisory" => request with { TcbEvaluationDataNumber = 20, Levels = [new SimulatedTcbLevel(new byte[16], 0, [], "UpToDate", "INTEL-SA-09999")] },
            _ => request with { TcbEvaluationDataNumber = 20, QeLevels = [new SimulatedIsvSvnLevel(2, "UpToDate") { Date = "2023-01-01T00:00:00Z" }] },
        };
        string last = await GrantAsync(server, policy);
        FleetForecast after = await server.Carol.ForecastAsync(Cancellation);
        EnclaveForecast failing = Assert.Single(after.Enclaves);
        Assert.Equal((1, 0, 0), (after.Failing, after.Unknown, after.WithoutEarly));
        Assert.Equal((Outlooks.RefusedByEarly, last, "c1", Kek, "simulated", true), (failing.Outlook, failing.Lease, failing.Cluster, failing.Kek, failing.Policy, failing.Early));
        Assert.Equal(what switch { "advisory" => "tcb.advisories", "minDate" => "tcb.minDate", _ => "tcb.statuses" }, failing.Step);
        Assert.NotEqual(lease, last);

        // What counts decides: the enclave is accepted as before, and collateral of both kinds is shown.
        CollateralStatus status = await server.Carol.CollateralAsync(Cancellation);
        Assert.Equal(18, Assert.Single(status.Items, item => item is { Item: "tcb_info", Early: false }).TcbEvaluationDataNumber);
        Assert.Equal(20, Assert.Single(status.Items, item => item is { Item: "qe_identity", Early: true }).TcbEvaluationDataNumber);
        Assert.Contains(status.Items, item => item is { Item: "root_ca_crl", Model: "sgx-0053494D0000-platform", Source: "a test" });
        Assert.Equal(status.Items.Select(item => item.EndsAt).Order(), status.Items.Select(item => item.EndsAt));
    }

    [Theory]
    [InlineData("tcb_info")]
    [InlineData("qe_identity")]
    [InlineData("pck_crl")]
    [InlineData("root_ca_crl")]
    public async Task What_ends_within_days_is_told_with_its_name(string item)
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync();
        DateTimeOffset soon = server.Broker.Time.GetUtcNow().AddDays(5);
        DateTimeOffset later = server.Broker.Time.GetUtcNow().AddDays(20);
        server.Standard.Change = request => request with
        {
            NextUpdate = item == "tcb_info" ? soon : later, QeNextUpdate = item == "qe_identity" ? soon : later, CrlNextUpdate = item == "pck_crl" ? soon : later,
            RootCrlNextUpdate = item == "root_ca_crl" ? soon : later,
        };
        await GrantAsync(server, server.Enclave.Policy());
        EnclaveForecast failing = Assert.Single((await server.Carol.ForecastAsync(Cancellation)).Enclaves);
        Assert.Equal(Outlooks.RefusedSoon, failing.Outlook);
        Assert.Contains(item, failing.Detail, StringComparison.Ordinal);
        CollateralEntry first = (await server.Carol.CollateralAsync(Cancellation)).Items[0];
        Assert.Equal((item, soon.ToUnixTimeSeconds()), (first.Item, first.EndsAt.ToUnixTimeSeconds()));
    }

    [Fact]
    public async Task A_revocation_list_of_amd_that_ends()
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync();
        AttestRequest guest = server.Snp.Answer(server.Enclave.Jwk, SimulatedEnclave.Statement(kek: Kek));
        await GrantAsync(server, server.Snp.Policy, "snp", guest);
        FleetForecast good = await server.Carol.ForecastAsync(Cancellation);
        Assert.Equal((Outlooks.Accepted, 0), (Assert.Single(good.Enclaves).Outlook, good.WithoutEarly));

        server.Snp.CrlEndsIn = TimeSpan.FromDays(3);
        EnclaveForecast failing = Assert.Single((await server.Carol.ForecastAsync(Cancellation)).Enclaves);
        Assert.Equal((Outlooks.RefusedSoon, "revocation"), (failing.Outlook, failing.Step));
        CollateralEntry listed = Assert.Single((await server.Carol.CollateralAsync(Cancellation)).Items);
        Assert.Equal(("snp-genoa", "crl", "AMD"), (listed.Model, listed.Item, listed.Source));
    }

    [Fact]
    public async Task What_the_policy_of_now_refuses_and_what_cannot_be_told()
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync();
        string lease = await GrantAsync(server, server.Enclave.Policy());
        DateTimeOffset now = server.Broker.Time.GetUtcNow();

        // No evidence of it is kept; and one that is over is nobody's business.
        LeaseRecord other = new(new string('2', 32), "thumb", "c2", "tee", Kek, "sgx", "aa", "bb", "cc", "simulated", now, now, now.AddDays(1), 0, 0, 0);
        await server.Broker.State.GrantLeaseAsync(new LeaseGrant(other), Cancellation);
        await server.Broker.State.GrantLeaseAsync(new LeaseGrant(other with { Id = new string('3', 32), ExpiresAt = now.AddSeconds(-1) }), Cancellation);
        FleetForecast forecast = await server.Carol.ForecastAsync(Cancellation);
        Assert.Equal((0, 1), (forecast.Failing, forecast.Unknown));
        Assert.Equal(("evidence", other.Id), (forecast.Enclaves[0].Step, forecast.Enclaves[0].Lease));

        // The policy is the KEK's as it is now, not the one that gave the lease.
        await server.Broker.State.SetPolicyAsync("simulated", server.Enclave.Policy(mrEnclave: new string('d', 64)), "alice", Cancellation);
        EnclaveForecast refused = Assert.Single((await server.Carol.ForecastAsync(Cancellation)).Enclaves, one => one.Lease == lease);
        Assert.Equal((Outlooks.RefusedNow, "enclave"), (refused.Outlook, refused.Step));
    }

    [Fact]
    public async Task Early_collateral_that_does_not_verify_says_nothing()
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync();
        server.Early.Change = request => request with { NextUpdate = server.Broker.Time.GetUtcNow().AddMinutes(-1) };
        await GrantAsync(server, server.Enclave.Policy());
        FleetForecast forecast = await server.Carol.ForecastAsync(Cancellation);
        EnclaveForecast told = Assert.Single(forecast.Enclaves);
        Assert.Equal((Outlooks.Accepted, false, "collateral", 1), (told.Outlook, told.Early, told.Step, forecast.WithoutEarly));
        Assert.Contains("does not verify", told.Detail, StringComparison.Ordinal);
    }

    // The KEK and the policy at the first time; a lease for an hour, with its evidence, in place of those before.
    private static async Task<string> GrantAsync(AdministrationServer server, string policy, string tee = "sgx", AttestRequest? presented = null)
    {
        await server.Broker.State.SetPolicyAsync("simulated", policy, "alice", Cancellation);
        if (await server.Broker.State.FindKekAsync(Kek, Cancellation) is null)
        {
            await server.Alice.CreateKekAsync(new CreateKekRequest(Kek, "c1", "simulated", "main"), Cancellation);
        }

        DateTimeOffset now = server.Broker.Time.GetUtcNow();
        LeaseRecord lease = new(
            RandomNumberGenerator.GetHexString(32, lowercase: true), server.Enclave.Instance, "c1", "tee", Kek, tee, server.Enclave.Measurement, server.Enclave.Ppid,
            SimulatedEnclave.ConfigDigest, "simulated", now, now, now.AddMinutes(5), 0, 0, 0);
        AttestRequest request = presented ?? server.Enclave.Answer("nonce", SimulatedEnclave.Statement(kek: Kek));
        await server.Broker.State.GrantLeaseAsync(
            new LeaseGrant(lease)
            {
                Evidence = (new EvidenceRecord(true, lease.Id, lease.Instance, tee, "", now, JsonSerializer.SerializeToUtf8Bytes(request, KbsJson.Default.AttestRequest)), Limits),
            },
            Cancellation);
        return lease.Id;
    }
}
