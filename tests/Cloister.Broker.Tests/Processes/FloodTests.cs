using System.Net.Sockets;
using System.Text.Json.Nodes;
using Cloister.Audit;
using Cloister.Kbs;

namespace Cloister.Broker.Tests.Processes;

/// <summary>Strangers who send much: what they use up is theirs, and they learn nothing (docs/broker.md, "Against floods").</summary>
public sealed class FloodTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task RefusalsOfStrangersAreCountedAndTheirEvidenceIsNotKept()
    {
        using BrokerFolder folder = new();
        RunningPair broker = await RunningPair.StartAsync(folder);
        try
        {
            using SimulatedEnclave enclave = new(TimeProvider.System);
            string kek = await broker.NewKekAsync(enclave);
            for (int i = 0; i < 40; i++)
            {
                (string nonce, string session) = await broker.Client.AuthAsync();
                (await broker.Client.LeaseAsync(session, RefusalTests.Tamper(enclave.Answer(nonce, SimulatedEnclave.Statement(kek))))).Refused(401, "AttestationError");
            }

            List<AuditEntry> audit = await broker.Admin.AuditAsync();
            Assert.Equal(5, audit.Count(entry => entry.Kind == "evidence.refused"));
            Assert.DoesNotContain(audit, entry => entry.Kind == "challenge.used");
            Assert.Empty(await broker.Admin.State.ListRefusedEvidenceAsync(1000, Cancellation));
            Assert.Equal(0, await broker.Process.StopAsync());
            AuditEntry counted = Assert.Single(await broker.Admin.AuditAsync(), entry => entry.Kind == "evidence.refusals");
            JsonObject details = JsonNode.Parse(counted.Details)!.AsObject();
            Assert.Equal((35, "127.0.0.1", "quote_signature"), (details["count"]!.GetValue<int>(), details["source"]!.GetValue<string>(), details["step"]!.GetValue<string>()));
        }
        finally
        {
            await broker.DisposeAsync();
        }

    }

    [Fact]
    public async Task ASourceThatIsRefusedOftenWaitsAndALeaseIsRenewedMeanwhile()
    {
        using BrokerFolder folder = new();
        await using RunningPair broker = await RunningPair.StartAsync(folder, "limits: { refusalsPerSource: 5 }");
        using SimulatedEnclave enclave = new(TimeProvider.System);
        string kek = await broker.NewKekAsync(enclave);
        ReceivedLease lease = ReceivedLease.Read(await broker.Client.LeaseAsync(enclave, kek), enclave, broker.Process.Pin);
        for (int i = 0; i < 5; i++)
        {
            (string nonce, string session) = await broker.Client.AuthAsync();
            (await broker.Client.LeaseAsync(session, enclave.Answer(nonce, SimulatedEnclave.Statement(kek), boundNonce: "other"))).Refused(401, "AttestationError");
        }

        (await broker.Client.LeaseAsync(enclave, kek)).Refused(503, "Busy"); // the same address, no token
        (await broker.Client.RenewAsync(enclave, kek, lease)).Ok(KbsJson.Default.LeaseResponse);
    }

    [Fact]
    public async Task APlatformThatAttestsTooOftenWaitsAndAnotherOneDoesNot()
    {
        using BrokerFolder folder = new();
        await using RunningPair broker = await RunningPair.StartAsync(folder, "limits: { perPlatform: 3 }");
        using SimulatedEnclave enclave = new(TimeProvider.System);
        using SimulatedEnclave other = new(TimeProvider.System);
        string kek = await broker.NewKekAsync(enclave);
        string others = await broker.NewKekAsync(other);
        for (int i = 0; i < 3; i++)
        {
            (await broker.Client.LeaseAsync(enclave, kek)).Ok(KbsJson.Default.LeaseResponse);
        }

        (await broker.Client.LeaseAsync(enclave, kek)).Refused(503, "Busy");
        (await broker.Client.LeaseAsync(other, others)).Ok(KbsJson.Default.LeaseResponse);
    }

    [Theory]
    [InlineData("")]
    [InlineData("another measurement")]
    [InlineData("not authentic")]
    public async Task NamesOfKeksAndClustersCannotBeTriedOut(string stranger)
    {
        using BrokerFolder folder = new();
        await using RunningPair broker = await RunningPair.StartAsync(folder);
        using SimulatedEnclave enclave = new(TimeProvider.System);
        using SimulatedEnclave another = new(TimeProvider.System);
        using SimulatedEnclave third = new(TimeProvider.System);
        await broker.NewKekAsync(third); // one policy may stand in for another that is not there
        string kek = await broker.NewKekAsync(enclave);
        SimulatedEnclave asks = stranger == "another measurement" ? another : enclave;

        List<string> answers = [];
        foreach ((string name, string cluster) in ((string, string)[])[(kek, "c1"), ("no-such-kek", "c1"), (kek, "no-such-cluster")])
        {
            (string nonce, string session) = await broker.Client.AuthAsync();
            AttestRequest answer = asks.Answer(nonce, SimulatedEnclave.Statement(name, cluster: cluster));
            KbsAnswer told = await broker.Client.LeaseAsync(session, stranger == "not authentic" ? RefusalTests.Tamper(answer) : answer);
            answers.Add($"{told.Status} {(told.Status == System.Net.HttpStatusCode.OK ? "" : told.Body)}");
        }

        // Who is accepted is told what is wrong; nobody else learns whether there is such a name.
        Assert.Equal(stranger.Length == 0 ? 2 : 1, answers.Distinct().Count());
        Assert.Equal(stranger.Length == 0, answers[1].Contains("KekNotFound", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ATokenForAnotherAudienceIsRefused()
    {
        using BrokerFolder folder = new();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        string kek;
        ReceivedLease lease;
        await using (RunningPair broker = await RunningPair.StartAsync(folder, "tokenAudience: https://one.example"))
        {
            kek = await broker.NewKekAsync(enclave);
            lease = ReceivedLease.Read(await broker.Client.LeaseAsync(enclave, kek), enclave, broker.Process.Pin);
            (await broker.Client.WatchAsync(lease.Token, "", 0)).Ok(KbsJson.Default.WatchResponse);
        }

        await using RunningPair other = await RunningPair.StartAsync(folder, "tokenAudience: https://other.example");
        (await other.Client.WatchAsync(lease.Token, "", 0)).Refused(401, "TokenVerifierError");
    }

    [Fact]
    public async Task IdleConnectionsGiveWay()
    {
        using BrokerFolder folder = new();
        await using RunningPair broker = await RunningPair.StartAsync(folder, "limits: { connections: 80 }");
        using SimulatedEnclave enclave = new(TimeProvider.System);
        string kek = await broker.NewKekAsync(enclave);
        ReceivedLease lease = ReceivedLease.Read(await broker.Client.LeaseAsync(enclave, kek), enclave, broker.Process.Pin);
        (await broker.Client.RenewAsync(enclave, kek, lease)).Ok(KbsJson.Default.LeaseResponse);
        List<Socket> idle = [];
        try
        {
            for (int i = 0; i < 300; i++)
            {
                Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                idle.Add(socket);
                await socket.ConnectAsync(broker.Process.Url.Host, broker.Process.Url.Port, Cancellation);
            }

            (await broker.Client.RenewAsync(enclave, kek, lease)).Ok(KbsJson.Default.LeaseResponse); // on the connection that it has
            using KbsClient anew = new(broker.Process.Url, broker.Process.Pin);
            (await anew.RenewAsync(enclave, kek, lease)).Ok(KbsJson.Default.LeaseResponse);
        }
        finally
        {
            idle.ForEach(socket => socket.Dispose());
        }
    }

    [Theory]
    [InlineData("""a\u0000b""")]
    [InlineData("""a\u001bb""")]
    [InlineData("""a\ud800b""")]
    public async Task ANameThatNoDatabaseTakesIsRefused(string provider)
    {
        using BrokerFolder folder = new();
        await using RunningPair broker = await RunningPair.StartAsync(folder);
        using SimulatedEnclave enclave = new(TimeProvider.System);
        string kek = await broker.NewKekAsync(enclave);
        (string nonce, string session) = await broker.Client.AuthAsync();

        KbsAnswer answer = await broker.Client.LeaseAsync(session, enclave.Answer(nonce, SimulatedEnclave.Statement(kek, provider: provider)));

        Assert.StartsWith("request: malformed:", answer.Refused(401, "AttestationError"), StringComparison.Ordinal);
        Assert.DoesNotContain("fail:", broker.Process.Errors, StringComparison.Ordinal);
    }
}
