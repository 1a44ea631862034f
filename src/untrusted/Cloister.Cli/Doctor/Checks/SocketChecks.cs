using System.Net.Sockets;

namespace Cloister.Cli.Doctor.Checks;

/// <summary>Sockets as files: who may open them, and whether that is the API server.</summary>
internal static class SocketChecks
{
    private const string Document = "docs/configuration.md";
    private const UnixFileMode ForOthers = UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    // Source: unix(7), sun_path with its terminating zero.
    private const int LongestPath = 107;

    internal static IReadOnlyList<Check> All { get; } =
    [
        Check.Each("socket-kms", DoctorPhase.Node, "the KMS socket is there, and not for everybody", Document, scope => scope.KmsAsync(), Mode),
        Check.Each("socket-listener", DoctorPhase.Node, "somebody listens on it", Document, scope => scope.KmsAsync(), Listener),
        Check.Each("socket-length", DoctorPhase.Node, "its path fits into an address", Document, scope => scope.KmsAsync(), Length),
        Check.Each("socket-api-server", DoctorPhase.Node, "the API server's user may connect", Document, scope => scope.KmsAsync(), ApiServer),
        Check.Each("socket-admin", DoctorPhase.Node, "the admin socket answers", Document, scope => scope.EnclavesAsync(), Admin),
    ];

    private static IEnumerable<Finding> Mode(DoctorScope scope, KmsFacts kms)
    {
        if (!kms.Exists)
        {
            yield return Finding.Error(
                kms.Socket, "does not exist", "start the enclave, or with SGX the relay, and look at its log", "systemctl start cloister-enclave; journalctl -u cloister-enclave");
            yield break;
        }

        UnixFileMode mode = scope.Host.Owner(kms.Socket).Mode;
        string folder = Path.GetDirectoryName(Path.GetFullPath(kms.Socket))!;
        UnixFileMode around = scope.Host.Owner(folder).Mode;
        string seen = $"mode {HostFiles.Octal(mode)}, in a folder of mode {HostFiles.Octal(around)}";
        yield return (mode & ForOthers) != 0
            ? Finding.Error(kms.Socket, $"{seen}: every user may ask for decryption", "set kms.socket.mode to \"0600\" or \"0660\" in the enclave's configuration (relay: --socket-mode), and start it again")
            : Finding.ErrorUnless(
                (around & UnixFileMode.OtherWrite) == 0 || (around & UnixFileMode.StickyBit) != 0, kms.Socket,
                (around & UnixFileMode.OtherWrite) == 0 || (around & UnixFileMode.StickyBit) != 0 ? seen : $"{seen}: every user may put another socket in its place", "take that right away", $"chmod o-w {folder}");
    }

    private static IEnumerable<Finding> Listener(DoctorScope scope, KmsFacts kms) => kms switch
    {
        { Exists: false } => [],
        { Refused: null } => [Finding.Ok(kms.Socket, "connected")],
        { Refused: SocketError.AccessDenied } => [Finding.Error(kms.Socket, "this user may not connect", "run this as root, or as the user that the API server runs as", "sudo cloister doctor")],
        _ => [Finding.Error(kms.Socket, "the file is there, but nobody listens on it", "the enclave (or the relay) ended: start it again, and look at its log", "systemctl restart cloister-enclave; journalctl -u cloister-enclave")],
    };

    private static IEnumerable<Finding> Length(DoctorScope scope, KmsFacts kms)
    {
        int length = System.Text.Encoding.UTF8.GetByteCount(Path.GetFullPath(kms.Socket));
        yield return Finding.ErrorUnless(length <= LongestPath, kms.Socket, $"{length} bytes of {LongestPath}", "a shorter path: nobody can connect to this one");
    }

    private static IEnumerable<Finding> ApiServer(DoctorScope scope, KmsFacts kms)
    {
        if (!kms.Exists)
        {
            yield break;
        }

        ApiServerFacts server = scope.ApiServer;
        if (!server.IsPod)
        {
            throw new SkippedException("kubeadm's configuration does not say as whom the API server runs: name its static pod with --apiserver");
        }

        string path = Path.GetFullPath(kms.Socket);
        string who = $"uid {server.User}, groups {string.Join(", ", server.Groups)}";
        IReadOnlyList<string> allowed = DoctorScope.Texts(ConfiguredUsers(scope));
        string? blocked = Parents(path).FirstOrDefault(folder => !May(scope.Host.Owner(folder), server, UnixFileMode.UserExecute));
        yield return blocked is not null
            ? Finding.Error(kms.Socket, $"{who}: may not go through {blocked}", "give the API server's user or group the right to", $"chmod o+x {blocked}")
            : !May(scope.Host.Owner(path), server, UnixFileMode.UserWrite)
                ? Finding.Error(kms.Socket, $"{who}: may not connect, mode {HostFiles.Octal(scope.Host.Owner(path).Mode)} of uid {scope.Host.Owner(path).User}, group {scope.Host.Owner(path).Group}",
                    "set kms.socket.owner or .group and .mode in the enclave's configuration (relay: --socket-mode)", $"ls -ln {path}")
                : Finding.ErrorUnless(
                    allowed.Count == 0 ? server.User == 0 || scope.Host.Owner(path).User == server.User : allowed.Contains($"{server.User}"), kms.Socket, who,
                    $"the enclave closes its connections: add {server.User} to kms.socket.allowedUids (relay: --allowed-uid)");
    }

    private static System.Text.Json.Nodes.JsonNode? ConfiguredUsers(DoctorScope scope)
    {
        try
        {
            return scope.Configuration["kms"]?["socket"]?["allowedUids"];
        }
        catch (SkippedException)
        {
            return null;
        }
    }

    private static IEnumerable<string> Parents(string path)
    {
        for (string? folder = Path.GetDirectoryName(path); folder is not null; folder = Path.GetDirectoryName(folder))
        {
            yield return folder;
        }
    }

    // As the kernel decides: the owner's rights count for the owner, the group's for its members, the others' for the rest; root may all.
    private static bool May(FileOwner owner, ApiServerFacts server, UnixFileMode asOwner)
    {
        int shift = owner.User == server.User ? 0 : server.Groups.Contains(owner.Group) ? 3 : 6;
        return server.User == 0 || (owner.Mode & (UnixFileMode)((int)asOwner >> shift)) != 0;
    }

    private static IEnumerable<Finding> Admin(DoctorScope scope, EnclaveFacts enclave) =>
    [
        enclave.State is { } state
            ? Finding.Ok(enclave.Socket, $"TEE {state.Tee}, custody {state.Custody}, cluster {state.Cluster}, provider {state.Provider}")
            : Finding.Error(
                enclave.Socket, enclave.Failure,
                enclave.Failure == "does not exist" ? "set admin.listen in the enclave's configuration and start it, or name the right path with --admin-socket" : "check that the enclave runs, and that this user is among admin.socket.allowedUids",
                "systemctl status cloister-enclave"),
    ];
}
