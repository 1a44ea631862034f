using System.Diagnostics;
using System.Text.Json.Nodes;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Tests.Etcd;
using Cloister.Cli.Tests.Harness;
using Cloister.Contracts.SecretsV1;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Cli.Tests.Dev;

/// <summary>KEKs by namespace with real processes: etcd, a broker, an enclave with its gateway, and the tools on etcd.</summary>
public sealed class NamespaceKekTests : IDisposable
{
    private const string Payments = "/registry/secrets/payments/db";
    private const string Team = "/registry/secrets/team-a/db";
    private const string Other = "/registry/secrets/default/db";

    private readonly ScratchFolder _folder = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_KEK_that_the_broker_revokes_stops_its_namespaces_and_no_others()
    {
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path);
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"], "--custody", "attested", "--etcd", etcd.Url, "--namespace-kek", "payments,team-*=gold");
        JsonNode access = dev.Ready["broker"]!;
        string[] broker = ["--broker", (string)access["admin"]!, "--pin", (string)access["pin"]!, "--certificate", (string)access["certificate"]!, "--key", (string)access["key"]!];
        using GatewayClient gateway = new(_folder, "d");
        foreach (string key in (string[])[Payments, Team, Other])
        {
            await gateway.PutAsync(key, $"in clear {key}");
        }

        Assert.Equal([$"in clear {Other}", $"in clear {Payments}", $"in clear {Team}"], await gateway.ListAsync());
        CliResult current = (await CoverageAsync(dev, etcd)).MustSucceed();
        Assert.Equal(2, current.Json["stored"]!.AsArray().Count);
        string gold = (string)current.Json["namespaceKeks"]![0]!["keyId"]!;
        Assert.NotEqual(gold, dev.KeyId);

        // The broker sees one instance with two leases.
        JsonNode[] leases = [.. (await CliProcess.RunAsync(["enclaves", "list", "-o", "json", .. broker])).MustSucceed().Json["enclaves"]!.AsArray().Select(lease => lease!)];
        Assert.Equal(["dev", "gold"], leases.Select(lease => (string)lease["kek"]!).Order());
        Assert.Single(leases.Select(lease => (string)lease["instance"]!).Distinct());

        (await CliProcess.RunAsync(["enclaves", "revoke", "--kind", "kek", "--value", "gold", "--reason", "a test", .. broker])).MustSucceed();
        RpcException? refused = null;
        await Eventually.TrueAsync(
            async () =>
            {
                refused = await Record.ExceptionAsync(() => gateway.PutAsync(Payments, $"in clear {Payments}")) as RpcException;
                return refused is not null;
            },
            "writes of its namespaces are refused");
        Assert.Equal(StatusCode.FailedPrecondition, refused!.StatusCode);
        Assert.StartsWith("KEK gold, which gateway.keks names for this namespace: the broker revoked this enclave", refused.Status.Detail, StringComparison.Ordinal);

        await gateway.PutAsync(Other, "still");
        Assert.Equal("still", await gateway.GetAsync(Other));
        foreach (Func<Task> read in (Func<Task>[])[() => gateway.GetAsync(Payments), gateway.ListAsync])
        {
            RpcException absent = await Assert.ThrowsAsync<RpcException>(read);
            Assert.True(absent.StatusCode is StatusCode.Unavailable or StatusCode.FailedPrecondition, absent.ToString());
            Assert.Contains($"{Payments} is under KEK {gold}, which this enclave does not have", absent.Status.Detail, StringComparison.Ordinal);
        }

        Assert.Equal("none", MoreLease(await StateAsync(dev)));
        CliResult rewrap = await RewrapAsync(dev, etcd);
        Assert.Equal((ExitCode.No, 2, 1), (rewrap.ExitCode, (int)rewrap.Json["noKek"]!, (int)rewrap.Json["current"]!));
        CliResult stale = await CoverageAsync(dev, etcd);
        Assert.Equal((ExitCode.No, 2), (stale.ExitCode, (int)stale.Json["stale"]!));

        (await CliProcess.RunAsync(["enclaves", "lift", "--kind", "kek", "--value", "gold", .. broker])).MustSucceed();
        await Eventually.TrueAsync(async () => await Record.ExceptionAsync(gateway.ListAsync) is null, "it reads again", TimeSpan.FromMinutes(3));
        Assert.Equal($"in clear {Payments}", (await gateway.ListAsync())[1]);
        await gateway.PutAsync(Payments, "back");
        Assert.Equal("held", MoreLease(await StateAsync(dev)));
    }

    [Fact]
    public async Task Values_come_over_when_rules_change_and_a_named_KEK_is_rotated_alone()
    {
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path);
        string keyId;
        await using (DevEnclave dev = await DevEnclave.StartAsync(_folder["d"], "--etcd", etcd.Url))
        {
            keyId = dev.KeyId;
            using GatewayClient gateway = new(_folder, "d");
            await gateway.PutAsync(Payments, "p");
            await gateway.PutAsync(Other, "o");
            (await CoverageAsync(dev, etcd)).MustSucceed();
        }

        string gold;
        await using (DevEnclave dev = await DevEnclave.StartAsync(_folder["d"], "--etcd", etcd.Url, "--namespace-kek", "payments=gold"))
        {
            using GatewayClient gateway = new(_folder, "d");
            Assert.Equal(keyId, dev.KeyId);
            Assert.Equal(["o", "p"], await gateway.ListAsync());
            CliResult stale = await CoverageAsync(dev, etcd);
            Assert.Equal((ExitCode.No, 1, "payments"), (stale.ExitCode, (int)stale.Json["stale"]!, StaleNamespace(stale)));
            CliResult rewrapped = (await RewrapAsync(dev, etcd)).MustSucceed();
            Assert.Equal((1, 1), ((int)rewrapped.Json["rewrapped"]!, (int)rewrapped.Json["current"]!));
            (await CoverageAsync(dev, etcd)).MustSucceed();

            CliResult kms = await CliProcess.RunAsync(
                "etcd", "rotate", "--endpoints", etcd.Url, "--name", "gold", "--create", "--secrets-socket", (string)dev.Ready["secretsSocket"]!,
                "--socket", dev.KmsSocket, "--socket", dev.KmsSocket, "--admin-socket", dev.AdminSocket, "--settle", "0");
            Assert.Contains("KEK gold is one of namespaces", kms.Errors, StringComparison.Ordinal);

            CliResult rotated = (await CliProcess.RunAsync(
                "etcd", "rotate", "--endpoints", etcd.Url, "--name", "gold", "--create", "--secrets-socket", (string)dev.Ready["secretsSocket"]!,
                "--admin-socket", dev.AdminSocket, "--settle", "0", "-o", "json")).MustSucceed();
            gold = (string)rotated.Json["newKeyId"]!;
            Assert.Equal((1, 1, 0), ((int)rotated.Json["nodes"]!, (int)rotated.Json["rewrap"]!["rewrapped"]!, (int)rotated.Json["stale"]!));
            Assert.Equal(keyId, (string)(await StateAsync(dev))["activeKeyId"]!);
            Assert.Equal(["o", "p"], await gateway.ListAsync());
        }

        // Without the rule the KEK is for reading, until its values have come over.
        await using (DevEnclave dev = await DevEnclave.StartAsync(_folder["d"], "--etcd", etcd.Url))
        {
            using GatewayClient gateway = new(_folder, "d");
            Assert.Equal(keyId, dev.KeyId);
            Assert.Equal(["o", "p"], await gateway.ListAsync());
            Assert.Equal("payments", StaleNamespace(await CoverageAsync(dev, etcd)));
            Assert.Equal(1, (int)(await RewrapAsync(dev, etcd)).MustSucceed().Json["rewrapped"]!);
            (await CliProcess.RunAsync("kek", "retire", "--socket", dev.AdminSocket, "--key-id", gold, "--yes-retire", gold, "--without-scan", gold)).MustSucceed();
            Assert.Equal(["o", "p"], await gateway.ListAsync());
        }
    }

    [Fact]
    public async Task An_enclave_that_starts_while_its_broker_is_away_has_every_KEK_again()
    {
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path);
        string[] arguments =
        [
            "--custody", "attested", "--etcd", etcd.Url,
            "--namespace-kek", "payments=gold", "--namespace-kek", "team-a=silver", "--namespace-kek", "team-b=bronze",
        ];
        string secrets;
        Dictionary<string, ByteString> stored = [];
        await using (DevEnclave dev = await DevEnclave.StartAsync(_folder["d"], arguments))
        {
            secrets = (string)dev.Ready["secretsSocket"]!;
            using GatewayClient gateway = new(_folder, "d");
            foreach (string key in (string[])[Payments, Other])
            {
                await gateway.PutAsync(key, key);
                stored[key] = (await etcd.GetAsync(key)).Value;
            }

            // Four leases asked for evidence and a sealing key at the same time, and neither was there yet.
            Assert.DoesNotContain("no lease from a broker at step", dev.Process.Errors, StringComparison.Ordinal);
            Assert.DoesNotContain("no sealed copy", dev.Process.Errors, StringComparison.Ordinal);
        }

        Assert.True(File.Exists(_folder["d/state/lease.sealed"]) && File.Exists(_folder["d/state/lease-gold.sealed"]));
        using Process enclave = Process.Start(new ProcessStartInfo(Programs.EnclaveSim, ["--config", _folder["d/enclave.yaml"]]) { RedirectStandardError = true })!;
        enclave.ErrorDataReceived += (_, _) => { };
        enclave.BeginErrorReadLine();
        try
        {
            await Eventually.TrueAsync(() => File.Exists(secrets), "its socket is there");
            using GrpcChannel channel = EnclaveChannel.Open(secrets);
            Secrets.SecretsClient client = new(channel);
            foreach ((string key, ByteString value) in stored)
            {
                DecryptRequest request = new() { Key = ByteString.CopyFromUtf8(key), Stored = value };
                string text = "";
                await Eventually.TrueAsync(
                    async () =>
                    {
                        try
                        {
                            text = (await client.DecryptAsync(request, cancellationToken: Stop)).Plaintext.ToStringUtf8();
                            return true;
                        }
                        catch (RpcException)
                        {
                            return false;
                        }
                    },
                    $"{key} is read");
                Assert.Equal(key, text);
            }
        }
        finally
        {
            enclave.Kill();
            await enclave.WaitForExitAsync(Stop);
        }
    }

    private static Task<CliResult> CoverageAsync(DevEnclave dev, EtcdProcess etcd) => CliProcess.RunAsync(
        "etcd", "coverage", "--endpoints", etcd.Url, "--provider", "tee", "--secrets-socket", (string)dev.Ready["secretsSocket"]!, "--require", "current", "-o", "json");

    private static Task<CliResult> RewrapAsync(DevEnclave dev, EtcdProcess etcd) => CliProcess.RunAsync(
        "etcd", "rewrap", "--endpoints", etcd.Url, "--socket", (string)dev.Ready["secretsSocket"]!, "--rate", "0", "-o", "json");

    private static async Task<JsonNode> StateAsync(DevEnclave dev) =>
        (await CliProcess.RunAsync("kek", "list", "--socket", dev.AdminSocket, "-o", "json")).MustSucceed().Json;

    private static string MoreLease(JsonNode state)
    {
        JsonNode lease = Assert.Single(state["moreLeases"]!.AsArray())!;
        Assert.Equal("gold", (string)lease["kek"]!);
        return ((string)lease["lease"]!).Length > 0 ? "held" : "none";
    }

    private static string StaleNamespace(CliResult coverage) =>
        (string)Assert.Single(coverage.Json["namespaces"]!.AsArray(), ns => (int)ns!["stale"]! > 0)!["namespace"]!;
}
