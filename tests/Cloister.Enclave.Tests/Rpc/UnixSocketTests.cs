using System.Net.Sockets;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Keys.Memory;
using Cloister.Enclave.Tests.Support;
using Cloister.Sockets;

namespace Cloister.Enclave.Tests.Rpc;

public sealed class UnixSocketTests : IDisposable
{
    private readonly TestFolder _folder = new();

    private string SocketPath => _folder.File("kms.sock");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("600")]
    [InlineData("660")]
    [InlineData("640")]
    public void The_socket_file_has_the_mode_that_was_asked_for(string mode)
    {
        UnixFileMode expected = (UnixFileMode)Convert.ToInt32(mode, 8);
        using Socket socket = UnixSocket.Bind(SocketPath, new SocketPermissions { Mode = expected });
        Assert.Equal(expected, File.GetUnixFileMode(SocketPath));
    }

    [Fact]
    public void Without_more_the_socket_file_is_its_owners_alone()
    {
        using Socket socket = UnixSocket.Bind(SocketPath, new SocketPermissions());
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(SocketPath));
    }

    [Fact]
    public void An_owner_is_given_or_nothing_is_left_behind()
    {
        SocketPermissions permissions = new() { Owner = 12_345, Group = 23_456 };
        if (Environment.IsPrivilegedProcess)
        {
            using Socket socket = UnixSocket.Bind(SocketPath, permissions);
            Assert.Equal("12345 23456", Run("stat", "-c", "%u %g", SocketPath));
        }
        else
        {
            Assert.Throws<ListenException>(() => UnixSocket.Bind(SocketPath, permissions));
            Assert.False(File.Exists(SocketPath));
        }
    }

    [Theory]
    [InlineData("770", false)]
    [InlineData("707", false)]
    [InlineData("777", false)]
    [InlineData("1777", true)]
    [InlineData("755", true)]
    [InlineData("700", true)]
    public void A_folder_that_others_can_write_is_refused(string mode, bool accepted)
    {
        string folder = _folder.File("f");
        Directory.CreateDirectory(folder);
        File.SetUnixFileMode(folder, (UnixFileMode)Convert.ToInt32(mode, 8));
        string path = Path.Combine(folder, "kms.sock");
        if (accepted)
        {
            UnixSocket.Bind(path, new SocketPermissions()).Dispose();
            return;
        }

        ListenException refused = Assert.Throws<ListenException>(() => UnixSocket.Bind(path, new SocketPermissions()));
        Assert.Contains("chmod go-w", refused.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(path));
    }

    [Fact]
    public void A_folder_that_is_not_there_is_refused()
    {
        ListenException refused = Assert.Throws<ListenException>(() => UnixSocket.Bind(_folder.File("none/kms.sock"), new SocketPermissions()));
        Assert.Contains("does not exist", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_socket_on_which_nobody_answers_is_replaced()
    {
        MakeStale();
        using Socket socket = UnixSocket.Bind(SocketPath, new SocketPermissions());
        socket.Listen();
        using Socket client = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        client.Connect(new UnixDomainSocketEndPoint(SocketPath));
        Assert.True(client.Connected);
    }

    [Fact]
    public void A_socket_on_which_somebody_answers_is_left_alone()
    {
        using Socket living = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        living.Bind(new UnixDomainSocketEndPoint(SocketPath));
        living.Listen();
        ListenException refused = Assert.Throws<ListenException>(() => UnixSocket.Bind(SocketPath, new SocketPermissions()));
        Assert.Contains("another process answers", refused.Message, StringComparison.Ordinal);
        using Socket client = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        client.Connect(new UnixDomainSocketEndPoint(SocketPath));
        Assert.True(client.Connected);
    }

    [Theory]
    [InlineData("file")]
    [InlineData("folder")]
    [InlineData("link to a file")]
    [InlineData("link to nothing")]
    [InlineData("link to a stale socket")]
    public void What_is_not_a_socket_is_left_alone(string what)
    {
        string target = _folder.File("target");
        switch (what)
        {
            case "file":
                File.WriteAllText(SocketPath, "precious");
                break;
            case "folder":
                Directory.CreateDirectory(SocketPath);
                break;
            case "link to a file":
                File.WriteAllText(target, "precious");
                File.CreateSymbolicLink(SocketPath, target);
                break;
            case "link to a stale socket":
                MakeStale();
                File.Move(SocketPath, target);
                File.CreateSymbolicLink(SocketPath, target);
                break;
            default:
                File.CreateSymbolicLink(SocketPath, target);
                break;
        }

        ListenException refused = Assert.Throws<ListenException>(() => UnixSocket.Bind(SocketPath, new SocketPermissions()));
        Assert.Contains("not a socket", refused.Message, StringComparison.Ordinal);
        Assert.True(Path.Exists(SocketPath) || new FileInfo(SocketPath).LinkTarget is not null);
    }

    [Fact]
    public async Task A_server_removes_its_socket_when_it_stops_and_another_can_take_the_place()
    {
        using SecretArena arena = new(4);
        await using ManualCustody custody = TestKeys.Custody(arena);
        RunningServer server = await RunningServer.StartAsync(custody);
        string path = server.SocketPath;
        Assert.True(File.Exists(path));
        await server.StopAsync();
        Assert.False(File.Exists(path));
        UnixSocket.Bind(path, new SocketPermissions()).Dispose();
        await server.DisposeAsync();
    }

    [Fact]
    public async Task Two_servers_do_not_share_a_socket()
    {
        using SecretArena arena = new(4);
        await using ManualCustody custody = TestKeys.Custody(arena);
        await using RunningServer server = await RunningServer.StartAsync(custody);
        ListenAddress taken = ListenAddress.Parse($"unix:{server.SocketPath}", out _)!;
        await Assert.ThrowsAsync<ListenException>(() => RunningServer.StartAsync(custody, options => options with { Address = taken }));
        await server.V2().StatusAsync(new Contracts.KmsV2.StatusRequest(), cancellationToken: TestContext.Current.CancellationToken);
    }

    private static string Run(string program, params string[] arguments)
    {
        using System.Diagnostics.Process process = System.Diagnostics.Process.Start(
            new System.Diagnostics.ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return output.Trim();
    }

    // .NET removes the file of a socket that it closes, unless the file has been moved.
    private void MakeStale()
    {
        string bound = _folder.File("bound");
        using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(bound));
        socket.Listen();
        File.Move(bound, SocketPath);
    }
}
