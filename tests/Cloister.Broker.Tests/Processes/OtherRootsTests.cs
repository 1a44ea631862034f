using System.Net.Http.Json;
using System.Security.Cryptography.X509Certificates;
using Cloister.Broker.Policies;

namespace Cloister.Broker.Tests.Processes;

/// <summary>Roots besides the vendors' count where the broker's configuration allows them, and nowhere else.</summary>
public sealed class OtherRootsTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task APolicyThatIsInTheDatabaseAlreadyAcceptsNothing()
    {
        using BrokerFolder folder = new() { OtherRoots = "" };
        await using BrokerProcess broker = await folder.StartAsync();
        await using OtherBroker admin = await folder.OpenAsync(broker);
        using SimulatedEnclave enclave = new(TimeProvider.System);
        await admin.MakeKekAsync("secrets", enclave.Policy());
        using KbsClient client = new(broker.Url, broker.Pin);

        (await client.LeaseAsync(enclave, "secrets")).Refused(401, "AttestationError");
        Assert.Contains("policy secrets accepts nothing: root ", broker.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnAcceptanceUnderOneIsMarked()
    {
        using BrokerFolder folder = new() { OtherRoots = $"otherRoots: [\"{Root()}\"]" };
        await using BrokerProcess broker = await folder.StartAsync();
        await using OtherBroker admin = await folder.OpenAsync(broker);
        using SimulatedEnclave enclave = new(TimeProvider.System);
        await admin.MakeKekAsync("secrets", enclave.Policy());
        using KbsClient client = new(broker.Url, broker.Pin);

        ReceivedLease lease = ReceivedLease.Read(await client.LeaseAsync(enclave, "secrets"), enclave, broker.Pin);

        Assert.Equal(Root(), (await admin.State.FindLeaseAsync(lease.Terms.Lease, Cancellation))!.OtherRoots);
        Assert.Contains(await admin.AuditAsync(), entry => entry.Kind == "evidence.accepted" && entry.Details.Contains($"\"otherRoots\":\"{Root()}\"", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("", false)]
    [InlineData("otherRoots: [\"0000000000000000000000000000000000000000000000000000000000000000\"]", false)]
    [InlineData("otherRoots: allowed", true)]
    public async Task AnAdministratorSetsAPolicyWithOneOnlyWhereItIsAllowed(string otherRoots, bool allowed)
    {
        using X509Certificate2 alice = BrokerProcess.NewCertificate("alice");
        using BrokerFolder folder = new() { OtherRoots = otherRoots };
        await using BrokerProcess broker = await folder.StartAsync(
            $"admin: {{ listen: 127.0.0.1:0, administrators: [ {{ name: alice, key: \"{BrokerProcess.PinOf(alice)}\", roles: [operator] }} ] }}");
        using SimulatedEnclave enclave = new(TimeProvider.System);
        using HttpClient http = AdminListenerTests.ClientOf(broker, alice);

        using HttpResponseMessage answer = await http.PutAsJsonAsync("/admin/v1/policies/production", new { yaml = enclave.Policy() }, Cancellation);

        Assert.Equal(allowed, answer.IsSuccessStatusCode);
        Assert.Contains(allowed ? $"\"otherRoots\":[\"{Root()}\"]" : "otherRoots", await answer.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhatIsNoDigestIsAnErrorOfTheConfiguration()
    {
        using BrokerFolder folder = new() { OtherRoots = "otherRoots: yes" };
        (int exitCode, _, string errors) = await BrokerProcess.RunAsync(folder.WriteConfiguration());
        Assert.Equal(1, exitCode);
        Assert.Contains("otherRoots: expected a list of SHA-256 digests", errors, StringComparison.Ordinal);
    }

    private static string Root()
    {
        using SimulatedEnclave any = new(TimeProvider.System);
        return OtherRoots.In(ReleasePolicyReader.Read(any.Policy()).Policy!.Roots).Single();
    }
}
