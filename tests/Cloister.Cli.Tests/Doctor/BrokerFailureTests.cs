using System.Net;
using System.Net.Sockets;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Doctor;

/// <summary>Brokers that fail in different ways: log, list and doctor name each with what failed.</summary>
public sealed class BrokerFailureTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task What_failed_is_in_the_log_in_the_list_and_in_doctor()
    {
        using TcpListener other = new(IPAddress.Loopback, 0);
        other.Start();
        Task speaking = SpeakSomethingElseAsync(other);
        int closed = LoopbackPort.Free();
        await File.WriteAllTextAsync(
            _folder["enclave.yaml"],
            $$"""
            apiVersion: cloister.dev/v1alpha1
            kind: EnclaveConfiguration
            cluster: c
            provider: tee
            kms: { listen: "unix:{{_folder["kms.sock"]}}" }
            admin: { listen: "unix:{{_folder["admin.sock"]}}" }
            custody: { mode: attested }
            broker:
              urls: ["https://127.0.0.1:{{closed}}", "https://broker.invalid:8443", "https://{{other.LocalEndpoint}}"]
              pins: ["sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]
              kek: main
            simulation: { sealingKeyFile: "{{_folder["sealing.key"]}}", vendorDirectory: "{{_folder["vendor"]}}" }
            """,
            Stop);
        await using ChildProgram enclave = Programs.StartEnclave(_folder["enclave.yaml"]);
        try
        {
            string[] expected = [$"127.0.0.1:{closed} connect: ConnectionRefused", "broker.invalid:8443 name: it does not resolve here (", $"{other.LocalEndpoint} handshake: no TLS 1.3 with it"];
            await Eventually.TrueAsync(() => enclave.HasExited || enclave.Said.Contains("at step auth", StringComparison.Ordinal), "it asked", TimeSpan.FromMinutes(1));
            string json = "";
            await Eventually.TrueAsync(
                async () =>
                {
                    CliResult listed = await CliProcess.RunAsync("kek", "list", "--socket", _folder["admin.sock"], "-o", "json");
                    json = listed.ExitCode == 0 ? (string?)listed.Json["lease"]?["failure"] ?? "" : "";
                    return json.Length > 0;
                },
                "the list has a failure");
            string table = (await CliProcess.RunAsync("kek", "list", "--socket", _folder["admin.sock"])).MustSucceed().Output;
            CliResult doctor = await CliProcess.RunAsync("doctor", "--socket", _folder["kms.sock"], "--admin-socket", _folder["admin.sock"], "-o", "json");
            Assert.NotEqual(0, doctor.ExitCode);
            foreach (string one in expected)
            {
                Assert.Contains(one, enclave.Said, StringComparison.Ordinal);
                Assert.Contains(one, json, StringComparison.Ordinal);
                Assert.Contains(Unwrapped(one), Unwrapped(table), StringComparison.Ordinal);
                Assert.Contains(one, doctor.Output, StringComparison.Ordinal);
            }

            Assert.DoesNotContain("auth: auth:", doctor.Output, StringComparison.Ordinal);
            Assert.Equal(3, doctor.Json["checks"]!.AsArray().Count(check => (string)check!["id"]! == "broker-contact" && (string)check["state"]! == "error"));
            string metrics = (await CliProcess.RunAsync("metrics", "--admin-socket", _folder["admin.sock"])).MustSucceed().Output;
            foreach (string broker in (string[])[$"https://127.0.0.1:{closed}", "https://broker.invalid:8443", $"https://{other.LocalEndpoint}"])
            {
                Assert.Contains($"cloister_broker_reachable{{socket=\"{_folder["admin.sock"]}\",broker=\"{broker}\"}} 0\n", metrics, StringComparison.Ordinal);
            }
        }
        finally
        {
            await enclave.StopAsync();
            other.Stop();
            await speaking;
        }
    }

    // Tables break lines where a column ends.
    private static string Unwrapped(string text) => string.Concat(text.Where(c => !char.IsWhiteSpace(c) && c != '│'));

    private static async Task SpeakSomethingElseAsync(TcpListener listener)
    {
        try
        {
            while (true)
            {
                using Socket peer = await listener.AcceptSocketAsync(CancellationToken.None);
                await peer.ReceiveAsync(new byte[64], CancellationToken.None);
                await peer.SendAsync("HTTP/1.1 400 Bad Request\r\n\r\n"u8.ToArray(), CancellationToken.None);
                await peer.ReceiveAsync(new byte[64], CancellationToken.None);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Stopped.
        }
    }
}
