using System.Net;
using System.Net.Sockets;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Relay;

/// <summary>A relay and an enclave on loopback TCP as two processes, and who else may speak with the enclave's port: nobody.</summary>
public sealed class RelayKeyTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    private string Socket => _folder["relay.sock"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_relay_whose_key_the_configuration_names_is_served()
    {
        string pin = await KeyGenAsync("relay.key");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_folder["relay.key"]));
        Assert.Equal(pin, await KeyGenAsync("relay.key"));
        await using EnclaveOnTcp enclave = await EnclaveOnTcp.StartAsync(_folder, $"relay: {{pins: [\"{pin}\"]}}");
        await using RelayProcess relay = await RelayProcess.StartAsync($"unix:{Socket}", enclave.Address, "--key", _folder["relay.key"]);
        (await CliProcess.RunAsync("probe", "--socket", Socket, "--count", "50")).MustSucceed();

        // Restarted, the enclave has another key; the relay goes on.
        await enclave.RestartAsync();
        (await CliProcess.RunAsync("probe", "--socket", Socket, "--count", "5", "--wait", "30")).MustSucceed();
        Assert.DoesNotContain("relay:", relay.Process.Errors, StringComparison.Ordinal);
    }

    // In a unit or a container there may be neither.
    [Fact]
    public async Task It_needs_no_home_and_no_proxy_gets_in_its_way()
    {
        string pin = await KeyGenAsync("relay.key");
        await using EnclaveOnTcp enclave = await EnclaveOnTcp.StartAsync(_folder, $"relay: {{pins: [\"{pin}\"]}}");
        await using RelayProcess relay = await RelayProcess.StartAfterAsync(
            "unset HOME; export http_proxy=http://127.0.0.1:1 https_proxy=http://127.0.0.1:1 all_proxy=http://127.0.0.1:1",
            $"unix:{Socket}", enclave.Address, "--key", _folder["relay.key"]);
        (await CliProcess.RunAsync("probe", "--socket", Socket, "--count", "5")).MustSucceed();
    }

    [Fact]
    public async Task A_relay_with_another_key_or_none_is_refused_by_the_enclave_and_both_say_so()
    {
        string pin = await KeyGenAsync("relay.key");
        string other = await KeyGenAsync("other.key");
        await using EnclaveOnTcp enclave = await EnclaveOnTcp.StartAsync(_folder, $"relay: {{pins: [\"{pin}\"]}}");
        await using (RelayProcess relay = await RelayProcess.StartAsync($"unix:{Socket}", enclave.Address, "--key", _folder["other.key"]))
        {
            // A busy machine lets a handshake take longer than a relay waits.
            for (int attempt = 0; !relay.Process.Errors.Contains($"is {other} in relay.pins", StringComparison.Ordinal); attempt++)
            {
                Assert.True(attempt < 30, relay.Process.Errors);
                await ProbeFailsAsync();
                await Task.Delay(200, TestContext.Current.CancellationToken);
            }
        }

        await using (RelayProcess relay = await RelayProcess.StartAsync($"unix:{Socket}", enclave.Address))
        {
            await ProbeFailsAsync();
        }

        Assert.Contains("refused a connection to kms: it did not show a key of kms.relay.pins", enclave.Log, StringComparison.Ordinal);
    }

    // While the enclave is away its port is anybody's: what an API server sends must not go there.
    [Fact]
    public async Task A_port_of_another_user_gets_nothing()
    {
        await KeyGenAsync("relay.key");
        await using EnclaveOnTcp enclave = await EnclaveOnTcp.StartAsync(_folder, $"relay: {{pins: [\"{await KeyGenAsync("relay.key")}\"]}}");
        await using RelayProcess relay = await RelayProcess.StartAsync($"unix:{Socket}", enclave.Address, "--key", _folder["relay.key"], "--target-uid", "54321");
        await ProbeFailsAsync();
        await Eventually.TrueAsync(
            () => relay.Process.Errors.Contains("is a port of uid", StringComparison.Ordinal) && relay.Process.Errors.Contains("--target-uid", StringComparison.Ordinal),
            "the relay says whose port it is");
    }

    [Fact]
    public async Task What_is_no_TLS_gets_nothing_and_the_relay_says_so()
    {
        await KeyGenAsync("relay.key");
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        await using RelayProcess relay = await RelayProcess.StartAsync($"unix:{Socket}", listener.LocalEndpoint.ToString()!, "--key", _folder["relay.key"]);
        using Socket client = await RelayedPair.ConnectAsync($"unix:{Socket}");
        await client.SendAllAsync([1, 2, 3], new Random(1), 3);
        using Socket accepted = await listener.AcceptSocketAsync(TestContext.Current.CancellationToken);
        byte[] received = new byte[4096];
        int count = await accepted.ReceiveAsync(received, TestContext.Current.CancellationToken);
        Assert.Equal(22, received[0]);
        Assert.DoesNotContain("\u0001\u0002\u0003", System.Text.Encoding.Latin1.GetString(received, 0, count), StringComparison.Ordinal);
        await accepted.SendAsync("HTTP/1.1 400 Bad Request\r\n\r\n"u8.ToArray(), TestContext.Current.CancellationToken);
        Assert.True(await client.SeesCloseAsync());
        await Eventually.TrueAsync(() => relay.Process.Errors.Contains("no TLS with the target", StringComparison.Ordinal), "the relay says so");
    }

    [Fact]
    public async Task Keys_that_others_can_read_or_that_are_none_are_refused()
    {
        await KeyGenAsync("relay.key");
        File.SetUnixFileMode(_folder["relay.key"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
        (await RunAsync("relay.key", "127.0.0.1:1")).MustBeRefused("chmod 0600");
        (await RunAsync("none.key", "127.0.0.1:1")).MustBeRefused("cloister relay keygen");
        await File.WriteAllTextAsync(_folder["text.key"], "not a key", TestContext.Current.CancellationToken);
        File.SetUnixFileMode(_folder["text.key"], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        (await RunAsync("text.key", "127.0.0.1:1")).MustBeRefused("is not PEM");
        (await RunAsync("text.key", "unix:/nowhere")).MustBeRefused("--key is for a target");
        (await CliProcess.RunAsync("relay", "--listen", $"unix:{Socket}", "--target", "127.0.0.1:1", "--target-uid", "0")).MustBeRefused("--target-uid goes with --key");
        (await CliProcess.RunAsync("relay", "keygen", "--key", _folder["no/such/folder.key"])).MustBeRefused("cannot be made");
    }

    private async Task ProbeFailsAsync() => Assert.NotEqual(ExitCode.Done, (await CliProcess.RunAsync("probe", "--socket", Socket, "--count", "1")).ExitCode);

    private Task<CliResult> RunAsync(string key, string target) => CliProcess.RunAsync("relay", "--listen", $"unix:{Socket}", "--target", target, "--key", _folder[key]);

    private async Task<string> KeyGenAsync(string name)
    {
        string pin = (await CliProcess.RunAsync("relay", "keygen", "--key", _folder[name])).MustSucceed().Output.Trim();
        Assert.Matches("^sha256:[A-Za-z0-9+/]{43}=$", pin);
        return pin;
    }
}
