using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Cloister.AdminApi;
using Cloister.Attestation;
using Cloister.Attestation.Collateral;
using Cloister.Collateral.Tests;
using Cloister.Kbs;
using Cloister.Simulator.Dcap;

namespace Cloister.Broker.Tests.Processes;

/// <summary>Where a broker has its collateral from, what it remembers of it, and what it sees ahead.</summary>
public sealed class CollateralTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(17, null)]
    [InlineData(18, 17)]
    public async Task LowerCollateralIsRefusedAfterARestart(int tcbInfo, int? qeIdentity)
    {
        using CollateralServices services = new(TimeSpan.Zero);
        using BrokerFolder folder = new() { Collateral = $"{{ pccs: \"{services.Address}\" }}" };
        using SimulatedEnclave enclave = new(TimeProvider.System);
        string kek;
        services.Give(enclave, request => request);
        await using (RunningPair broker = await RunningPair.StartAsync(folder))
        {
            kek = await broker.NewKekAsync(enclave);
            (await broker.Client.LeaseAsync(enclave, kek)).Ok(KbsJson.Default.LeaseResponse);
        }

        services.Give(enclave, request => request with { TcbEvaluationDataNumber = tcbInfo, QeTcbEvaluationDataNumber = qeIdentity });
        await using (RunningPair broker = await RunningPair.StartAsync(folder))
        {
            KbsAnswer refused = await broker.Client.LeaseAsync(enclave, kek);
            refused.Refused(401, "AttestationError");
            Assert.Contains("18 and 18 were seen before", refused.Body, StringComparison.Ordinal);
        }

        services.Give(enclave, request => request with { TcbEvaluationDataNumber = 19 });
        await using (RunningPair broker = await RunningPair.StartAsync(folder))
        {
            (await broker.Client.LeaseAsync(enclave, kek)).Ok(KbsJson.Default.LeaseResponse);
        }
    }

    [Theory]
    [InlineData("inline")]
    [InlineData("file")]
    [InlineData("none")]
    public async Task ACachingServiceWithAnAuthorityOfItsOwn(string authority)
    {
        using TlsServer server = new();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        DcapCollateralKey key = DcapCollateralKey.FromQuote(enclave.Quote(new byte[64]));
        server.Serve(TeeNames.NameOf(key.Tee), key.Fmspc, key.AuthorityName, enclave.NewCollateral(request => request));
        string file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, server.Authority, Cancellation);
        string ca = authority switch
        {
            "inline" => $", ca: \"{server.Authority.ReplaceLineEndings("\\n")}\"",
            "file" => $", ca: {file}",
            _ => "",
        };
        using BrokerFolder folder = new() { Collateral = $"{{ pccs: \"{server.Address}\"{ca} }}" };
        await using RunningPair broker = await RunningPair.StartAsync(folder);
        KbsAnswer answer = await broker.Client.LeaseAsync(enclave, await broker.NewKekAsync(enclave));
        File.Delete(file);
        if (authority == "none")
        {
            answer.Refused(401, "AttestationError");
            Assert.Contains("unreachable", answer.Body, StringComparison.Ordinal);
        }
        else
        {
            answer.Ok(KbsJson.Default.LeaseResponse);
        }
    }

    [Fact]
    public async Task TheVendorsServiceIsAskedWithoutACache()
    {
        using CollateralServices services = new(TimeSpan.Zero);
        using BrokerFolder folder = new() { Collateral = $"{{ pcs: \"{services.Address}\", rootCaCrl: \"{services.Address}IntelSGXRootCA.der\" }}" };
        using SimulatedEnclave enclave = new(TimeProvider.System);
        services.Give(enclave, request => request);
        services.Give("/IntelSGXRootCA.der", enclave.NewCollateral(request => request).RootCaCrl.ToArray());
        await using RunningPair broker = await RunningPair.StartAsync(folder);
        (await broker.Client.LeaseAsync(enclave, await broker.NewKekAsync(enclave))).Ok(KbsJson.Default.LeaseResponse);
        Assert.Contains("/IntelSGXRootCA.der", services.Asked);
        Assert.DoesNotContain("/sgx/certification/v4/rootcacrl", services.Asked);
    }

    [Theory]
    [InlineData("{ directory: /a, pcs: \"https://b/\" }", "exactly one of directory, pccs and pcs")]
    [InlineData("{ kds: \"https://b/\" }", "exactly one of directory, pccs and pcs")]
    [InlineData("{ directory: /a, ca: /c }", "collateral.ca: is for pccs or pcs, which is not there")]
    [InlineData("{ pccs: \"https://b/\", kdsCa: /c }", "collateral.kdsCa: is for kds, which is not there")]
    [InlineData("{ pccs: \"https://b/\", rootCaCrl: \"https://b/\" }", "collateral.rootCaCrl: is for pcs, which is not there")]
    [InlineData("{ pccs: \"https://b/\", ca: c.pem }", "collateral.ca: expected certificates in PEM, or the absolute path of a file with them")]
    [InlineData("{ pccs: \"https://b/\", ca: \"-----BEGIN nothing\" }", "collateral.ca: there is no certificate in it")]
    [InlineData("{ pccs: \"https://b/\", ca: /nonexistent/ca.pem }", "collateral.ca: /nonexistent/ca.pem cannot be read: it does not exist")]
    public async Task WrongSectionsAreSaid(string section, string error)
    {
        using BrokerFolder folder = new() { Collateral = section };
        (int exitCode, _, string errors) = await BrokerProcess.RunAsync(folder.WriteConfiguration());
        Assert.Equal(1, exitCode);
        Assert.Contains(error, errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ARecoveryIsSeenAheadAndNobodyLosesALease()
    {
        using CollateralServices services = new(TimeSpan.Zero);
        using X509Certificate2 alice = BrokerProcess.NewCertificate("alice");
        using BrokerFolder folder = new() { Collateral = $"{{ pccs: \"{services.Address}\" }}" };
        using SimulatedEnclave enclave = new(TimeProvider.System);
        services.Give(enclave, request => request);
        services.Give(enclave, request => request with { TcbEvaluationDataNumber = 20, Levels = [new SimulatedTcbLevel(new byte[16], 0, [], "OutOfDate", "INTEL-SA-09999")] }, "early");
        await using RunningPair broker = await RunningPair.StartAsync(
            folder, $"admin: {{ listen: 127.0.0.1:0, administrators: [ {{ name: alice, key: \"{BrokerProcess.PinOf(alice)}\", roles: [auditor] }} ] }}");
        string kek = await broker.NewKekAsync(enclave);
        ReceivedLease lease = ReceivedLease.Read(await broker.Client.LeaseAsync(enclave, kek), enclave, broker.Process.Pin);

        using HttpClient http = AdminListenerTests.ClientOf(broker.Process, alice);
        FleetForecast forecast = JsonSerializer.Deserialize(await http.GetStringAsync(AdminPaths.Forecast, Cancellation), AdminJson.Default.FleetForecast)!;
        EnclaveForecast failing = Assert.Single(forecast.Enclaves);
        Assert.Equal((1, Outlooks.RefusedByEarly, "tcb.statuses"), (forecast.Failing, failing.Outlook, failing.Step));
        Assert.Contains("OutOfDate", failing.Detail, StringComparison.Ordinal);
        (await broker.Client.RenewAsync(enclave, kek, lease)).Ok(KbsJson.Default.LeaseResponse);

        string metrics = (await broker.Client.GetAsync("/metrics")).Body;
        Assert.Contains("\ncloister_broker_enclaves_failing_soon 1\n", metrics, StringComparison.Ordinal);
        Assert.Contains("cloister_broker_collateral_end_seconds{model=\"sgx-0053494D0000-platform\",item=\"tcb_info\",early=\"false\"}", metrics, StringComparison.Ordinal);
        Assert.DoesNotContain(kek, metrics, StringComparison.Ordinal);
        CollateralStatus status = JsonSerializer.Deserialize(await http.GetStringAsync(AdminPaths.Collateral, Cancellation), AdminJson.Default.CollateralStatus)!;
        Assert.Equal(services.Address.ToString(), Assert.Single(status.Items, item => item is { Item: "tcb_info", Early: true, TcbEvaluationDataNumber: 20 }).Source);
    }
}
