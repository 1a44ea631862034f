using System.Net.Sockets;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Relay;

[Collection(nameof(Alone))]
public sealed class RelayCommandTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    private string Listen => $"unix:{_folder["relay.sock"]}";

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Starts_relays_and_removes_its_socket_on_SIGTERM()
    {
        await using EchoServer echo = new();
        await using RelayProcess relay = await RelayProcess.StartAsync(Listen, echo.Address);
        Assert.Equal($"ready {Listen} -> tcp:{echo.Address}", relay.Ready);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_folder["relay.sock"]));
        using Socket client = await RelayedPair.ConnectAsync(Listen);
        await client.SendAllAsync([7], new Random(1), 1);
        Assert.Equal([7], await client.ReceiveExactlyAsync(1));

        relay.Process.Signal(CliProcess.SigTerm);
        await relay.Process.WaitForExitAsync(TimeSpan.FromSeconds(5));

        Assert.Equal(ExitCode.Done, relay.Process.ExitCode);
        Assert.False(File.Exists(_folder["relay.sock"]));
        Assert.True(await client.SeesCloseAsync());
    }

    [Fact]
    public async Task A_target_that_is_not_there_is_a_close_and_the_relay_stays()
    {
        await using RelayProcess relay = await RelayProcess.StartAsync(Listen, $"unix:{_folder["target.sock"]}");
        for (int i = 0; i < 3; i++)
        {
            using Socket client = await RelayedPair.ConnectAsync(Listen);
            Assert.True(await client.SeesCloseAsync());
        }

        using Socket target = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        target.Bind(new UnixDomainSocketEndPoint(_folder["target.sock"]));
        target.Listen(1);
        using Socket later = await RelayedPair.ConnectAsync(Listen);
        using Socket accepted = await target.AcceptAsync(TestContext.Current.CancellationToken);
        await later.SendAllAsync([1], new Random(1), 1);
        Assert.Equal([1], await accepted.ReceiveExactlyAsync(1));
    }

    [Fact]
    public async Task Two_relays_carry_a_probe()
    {
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"]);
        await using RelayProcess inner = await RelayProcess.StartAsync("tcp:127.0.0.1:0", $"unix:{dev.KmsSocket}");
        await using RelayProcess outer = await RelayProcess.StartAsync(Listen, inner.Address);

        (await CliProcess.RunAsync("probe", "--socket", _folder["relay.sock"], "--count", "20")).MustSucceed();
    }

    [Fact]
    public async Task Only_allowed_users_come_in()
    {
        await using EchoServer echo = new();
        await using RelayProcess relay = await RelayProcess.StartAsync(Listen, echo.Address, "--allowed-uid", "54321", "--socket-mode", "0666");
        Assert.Equal(0b110_110_110, (int)File.GetUnixFileMode(_folder["relay.sock"]));
        using Socket client = await RelayedPair.ConnectAsync(Listen);

        Assert.True(await client.SeesCloseAsync());
        await Eventually.TrueAsync(() => relay.Process.Errors.Contains("refused a connection of uid", StringComparison.Ordinal), "the refusal is told");
        Assert.Equal(0, echo.Open);
    }

    [Fact]
    public async Task No_more_connections_than_allowed_and_room_again_after_a_close()
    {
        await using EchoServer echo = new();
        await using RelayProcess relay = await RelayProcess.StartAsync(Listen, echo.Address, "--max-connections", "1");
        using (Socket first = await RelayedPair.ConnectAsync(Listen))
        {
            await Eventually.TrueAsync(() => echo.Open == 1, "the first is connected");
            using Socket second = await RelayedPair.ConnectAsync(Listen);
            Assert.True(await second.SeesCloseAsync());
        }

        // The relay may still be closing the first.
        Socket third;
        for (third = await RelayedPair.ConnectAsync(Listen); !await EchoesAsync(third); third = await RelayedPair.ConnectAsync(Listen))
        {
            third.Dispose();
        }

        third.Dispose();
    }

    [Fact]
    public async Task A_socket_in_its_place_is_replaced_only_when_nobody_answers_on_it()
    {
        await using EchoServer echo = new();
        await using (RelayProcess killed = await RelayProcess.StartAsync(Listen, echo.Address))
        {
            (await RunAsync("--listen", Listen, "--target", echo.Address)).MustBeRefused("another process answers on it");
            await killed.Process.KillAsync();
        }

        Assert.True(File.Exists(_folder["relay.sock"]));
        await using RelayProcess next = await RelayProcess.StartAsync(Listen, echo.Address);
        using Socket client = await RelayedPair.ConnectAsync(Listen);
        await Eventually.TrueAsync(() => echo.Open == 1, "it relays");
    }

    [Fact]
    public async Task What_is_not_a_socket_stays_and_open_folders_are_refused()
    {
        await File.WriteAllTextAsync(_folder["file"], "mine", TestContext.Current.CancellationToken);
        File.CreateSymbolicLink(_folder["link"], _folder["nowhere"]);
        Directory.CreateDirectory(_folder["open"]);
        File.SetUnixFileMode(_folder["open"], (UnixFileMode)0b111_111_111);

        (await RunAsync("--listen", $"unix:{_folder["file"]}", "--target", "127.0.0.1:1")).MustBeRefused("is not a socket");
        (await RunAsync("--listen", $"unix:{_folder["link"]}", "--target", "127.0.0.1:1")).MustBeRefused("is not a socket");
        (await RunAsync("--listen", $"unix:{_folder["open/r.sock"]}", "--target", "127.0.0.1:1")).MustBeRefused("can be written by others");
        (await RunAsync("--listen", $"unix:{_folder["none/r.sock"]}", "--target", "127.0.0.1:1")).MustBeRefused("does not exist");
        (await RunAsync("--listen", "vsock:3:5000", "--target", "127.0.0.1:1")).MustBeRefused("an address is");
        Assert.Equal("mine", await File.ReadAllTextAsync(_folder["file"], TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("--target", "10.0.0.1:80", "loopback")]
    [InlineData("--target", "somewhere", "an address is")]
    [InlineData("--target", "vsock:5000", "vsock:CID:PORT")]
    [InlineData("--target", "vsock:x:5000", "vsock:CID:PORT")]
    [InlineData("--target", "unix:relative", "absolute path")]
    [InlineData("--socket-mode", "999", "octal")]
    [InlineData("--max-connections", "0", "--max-connections")]
    [InlineData("--allowed-uid", "root", "root")]
    public async Task Bad_values_are_refused(string option, string value, string because) =>
        (await RunAsync(["--listen", Listen, .. option == "--target" ? (string[])[] : ["--target", "127.0.0.1:1"], option, value])).MustBeRefused(because);

    [Theory]
    [InlineData("somewhere")]
    [InlineData("broker.example:8443/path")]
    [InlineData("user@broker.example:8443")]
    [InlineData("broker.example:0")]
    [InlineData("vsock:5000")]
    public async Task Enclaves_are_led_to_a_host_and_port_only(string target) =>
        (await RunAsync("--listen", "vsock:5000", "--target", target)).MustBeRefused("--target");

    [Theory]
    [InlineData("broker.example:8443")]
    [InlineData("tcp:10.0.0.1:8443")]
    [InlineData("[2001:db8::1]:8443")]
    public async Task Enclaves_are_led_off_this_machine(string target)
    {
        Assert.SkipUnless(File.Exists("/dev/vsock"), "no vsock on this machine");
        string listen = $"vsock:{System.Security.Cryptography.RandomNumberGenerator.GetInt32(1_000_000, int.MaxValue)}";
        await using RelayProcess relay = await RelayProcess.StartAsync(listen, target);
        Assert.StartsWith($"ready {listen} -> tcp:", relay.Ready, StringComparison.Ordinal);
        relay.Process.Signal(CliProcess.SigTerm);
        await relay.Process.WaitForExitAsync(TimeSpan.FromSeconds(5));
        Assert.Equal(ExitCode.Done, relay.Process.ExitCode);
    }

    private static async Task<bool> EchoesAsync(Socket socket)
    {
        try
        {
            await socket.SendAsync(new byte[] { 1 }, SocketFlags.None);
            return await socket.ReceiveAsync(new byte[1], SocketFlags.None) == 1;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static Task<CliResult> RunAsync(params IEnumerable<string> arguments) => CliProcess.RunAsync(["relay", .. arguments]);
}
