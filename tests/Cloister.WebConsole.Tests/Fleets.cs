using System.Globalization;
using System.Text.Json;
using Cloister.AdminApi;
using Cloister.Broker.Administration;
using Cloister.Broker.Administration.Acts;
using Cloister.Broker.Administration.Tests;
using Cloister.Broker.Administration.Tests.Http;
using Cloister.Broker.State.Evidence;
using Cloister.Broker.State.Leases;
using Cloister.Broker.State.Revocations;
using Cloister.Broker.Tests;
using Cloister.Kbs;

namespace Cloister.WebConsole.Tests;

/// <summary>What a broker has that was in use for a while.</summary>
internal static class Fleets
{
    internal const string Kek = "payments";

    private static readonly EvidenceLimits Limits = new(100, 100, TimeSpan.FromDays(30));

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>A KEK, an enclave on a simulated platform whose evidence is kept, and others; one look ahead.</summary>
    internal static async Task FillAsync(AdministrationServer server, int others = 3)
    {
        string policy = server.Enclave.Policy(duration: "24h").Replace("\" } ]", "\" } ]   # release 1.4.2", StringComparison.Ordinal);
        await server.Broker.State.SetPolicyAsync("simulated", policy, "alice", Cancellation);
        await server.Alice.CreateKekAsync(new CreateKekRequest(Kek, "prod-eu-1", "simulated", "main"), Cancellation);
        DateTimeOffset now = server.Broker.Time.GetUtcNow();
        LeaseRecord lease = new(
            new string('1', 32), server.Enclave.Instance, "prod-eu-1", "tee", Kek, "sgx", server.Enclave.Measurement, server.Enclave.Ppid,
            SimulatedEnclave.ConfigDigest, "simulated", now, now, now.AddHours(1), 0, 12, 340);
        AttestRequest request = server.Enclave.Answer("nonce", SimulatedEnclave.Statement(kek: Kek, cluster: "prod-eu-1"));
        await server.Broker.State.GrantLeaseAsync(
            new LeaseGrant(lease) { Evidence = (new EvidenceRecord(true, lease.Id, lease.Instance, "sgx", "", now, JsonSerializer.SerializeToUtf8Bytes(request, KbsJson.Default.AttestRequest)), Limits) },
            Cancellation);
        for (int i = 0; i < others; i++)
        {
            string id = i.ToString("x32", CultureInfo.InvariantCulture);
            await server.Broker.State.GrantLeaseAsync(new LeaseGrant(lease with { Id = id, Instance = $"other-{i:0000}", Measurement = new string('b', 64), ExpiresAt = now.AddMinutes(30 + i) }), Cancellation);
        }

        if (others > 0)
        {
            await server.Broker.State.KeepEvidenceAsync(
                new EvidenceRecord(false, "", "other-0000", "sgx", "tcb.statuses: not_allowed: OutOfDate", now.AddSeconds(5), [1]), Limits, Cancellation);
        }

        await server.CheckpointAsync();
        await server.Services.Forecaster.LookAsync(Cancellation);
    }

    /// <summary>A broker with something of everything: versions in every state, a revocation, a request.</summary>
    internal static async Task<(AdministrationServer Server, string Request)> FilledAsync()
    {
        AdministrationServer server = await AdministrationServer.StartAsync("setKekPolicy");
        await FillAsync(server);
        await server.Broker.Administration.RotateAsync(BrokerUnderTest.Everything, Kek, null, Cancellation);
        await server.Broker.Administration.RotateAsync(BrokerUnderTest.Everything, Kek, null, Cancellation);
        await server.Broker.State.SetVersionStateAsync(Kek, 1, enabled: false, Cancellation);
        await server.Broker.State.ScheduleDestroyAsync(Kek, 2, server.Broker.Time.GetUtcNow().AddDays(3), Cancellation);
        await server.Broker.State.SetPolicyAsync("other", server.Enclave.Policy(), "dora", Cancellation);
        await server.Broker.State.SetPolicyAsync("simulated", server.Enclave.Policy(), "dora", Cancellation);
        await server.Broker.Administration.RevokeAsync(BrokerUnderTest.Everything, RevocationKind.Platform, "00ff", "stolen", Cancellation);
        Outcome<KekSummary> outcome = await new KekActs(server.Services).SetPolicyAsync(new Administrator("dora", AdministratorRole.Operator), Kek, new SetKekPolicyRequest("other"));
        return (server, outcome.Waiting!.Id);
    }
}
