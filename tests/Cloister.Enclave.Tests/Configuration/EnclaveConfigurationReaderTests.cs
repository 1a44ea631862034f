using Cloister.Enclave.Configuration;
using Cloister.Enclave.Services.Admin;
using Cloister.Enclave.Wire.Grpc;

namespace Cloister.Enclave.Tests.Configuration;

public sealed class EnclaveConfigurationReaderTests
{
    private const string Minimal = """
        apiVersion: cloister.dev/v1alpha1
        kind: EnclaveConfiguration
        cluster: cluster-1
        provider: cloister
        kms:
          listen: unix:/run/cloister/kms.sock
        custody:
          mode: manual
        """;

    private const string Full = """
        apiVersion: cloister.dev/v1alpha1
        kind: EnclaveConfiguration
        cluster: cluster-1
        provider: cloister
        kms:
          listen: unix:/run/cloister/other.sock
          maxConnections: 10
          socket:
            mode: "0660"
            owner: 1000
            group: 2000
            allowedUids: [0, 1000, "2000"]
        admin:
          listen: unix:/run/cloister/admin.sock
        custody:
          mode: remote
          remote:
            timeout: 500ms
            pollInterval: 10s
            retryInterval: 1s
            maxStaleness: 1h
            poolSize: 128
            dekMaxUses: 1000
            dekMaxAge: 5m
            cacheEntries: 1024
        state:
          directory: /var/lib/cloister
        """;

    [Theory]
    [InlineData("", false, true, "")]
    [InlineData("\n  manual: {operators: any}", true, false, "any")]
    [InlineData("\n  manual: {operators: []}", false, true, "")]
    [InlineData("\n  manual: {operators: [\"sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"]}", false, false, "sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    public void Operators_are_pinned_anybody_or_nobody(string section, bool any, bool nobody, string shown)
    {
        OperatorPins operators = EnclaveConfigurationReader.Read(Minimal + section).Operators;
        Assert.Equal((any, nobody, shown), (operators.IsAny, operators.IsNobody, string.Join(' ', operators.Texts)));
    }

    [Theory]
    [InlineData("\n  manual: {operators: all}", "operators is a list, or the word any")]
    [InlineData("\n  manual: {operators: [\"sha256:AAAA\"]}", "base64 of 32 bytes")]
    [InlineData("\n  manual: {operator: any}", "custody.manual.operator is unknown")]
    public void What_names_no_operator_is_refused(string section, string message) =>
        Assert.Contains(message, Assert.Throws<ConfigurationException>(() => EnclaveConfigurationReader.Read(Minimal + section)).Message, StringComparison.Ordinal);

    [Fact]
    public void The_least_there_can_be()
    {
        EnclaveConfiguration configuration = EnclaveConfigurationReader.Read(Minimal);
        Assert.Equal(("kms", "cluster-1", "cloister"), (configuration.Context.Purpose, configuration.Context.Cluster, configuration.Context.Provider));
        Assert.Equal("/run/cloister/kms.sock", configuration.Kms!.Address.Path);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, configuration.Kms!.Permissions.Mode);
        Assert.Empty(configuration.Kms!.Permissions.AllowedUids);
        Assert.Equal(0, configuration.Kms!.MaxConnections);
        Assert.Equal("manual", configuration.Custody);
        Assert.Null(configuration.Admin);
        Assert.Null(configuration.Secrets);
        Assert.Null(configuration.StateDirectory);
        Assert.Equal(new Cloister.Enclave.Custody.RemoteOptions(), configuration.Remote);
    }

    [Fact]
    public void All_there_is()
    {
        EnclaveConfiguration configuration = EnclaveConfigurationReader.Read(Full);
        Assert.Equal("/run/cloister/other.sock", configuration.Kms!.Address.Path);
        Assert.Equal(10, configuration.Kms!.MaxConnections);
        Assert.Equal((UnixFileMode)Convert.ToInt32("660", 8), configuration.Kms!.Permissions.Mode);
        Assert.Equal((1000u, 2000u), (configuration.Kms!.Permissions.Owner, configuration.Kms!.Permissions.Group));
        Assert.Equal([0u, 1000u, 2000u], configuration.Kms!.Permissions.AllowedUids);
        Assert.Equal("/run/cloister/admin.sock", configuration.Admin!.Address.Path);
        Assert.Equal("/var/lib/cloister", configuration.StateDirectory);
        Assert.Equal(
            new Cloister.Enclave.Custody.RemoteOptions
            {
                Timeout = TimeSpan.FromMilliseconds(500),
                PollInterval = TimeSpan.FromSeconds(10),
                RetryInterval = TimeSpan.FromSeconds(1),
                MaxStaleness = TimeSpan.FromHours(1),
                PoolSize = 128,
                DekMaxUses = 1000,
                DekMaxAge = TimeSpan.FromMinutes(5),
                CacheEntries = 1024,
            },
            configuration.Remote);
    }

    // One line of the full configuration replaced: that line is named, and the field.
    [Theory]
    [InlineData(1, "apiVersion: cloister.dev/v1", "apiVersion")]
    [InlineData(2, "kind: BrokerConfiguration", "kind")]
    [InlineData(3, "cluster: 'with space'", "cluster")]
    [InlineData(3, "cluster: ''", "cluster")]
    [InlineData(3, "cluster: [a]", "cluster")]
    [InlineData(3, "cluster: bücher", "cluster")]
    [InlineData(4, "provider: a:b", "provider")]
    [InlineData(6, "  listen: unix:relative", "kms.listen")]
    [InlineData(6, "  listen: tcp:node-1:7443", "kms.listen")]
    [InlineData(6, "  listen: {}", "kms.listen")]
    [InlineData(7, "  maxConnections: 0", "kms.maxConnections")]
    [InlineData(7, "  maxConnections: 65537", "kms.maxConnections")]
    [InlineData(7, "  maxConnections: many", "kms.maxConnections")]
    [InlineData(7, "  maxConnections: 99999999999999999999", "kms.maxConnections")]
    [InlineData(9, "    mode: '0666'", "kms.socket.mode")]
    [InlineData(9, "    mode: '0601'", "kms.socket.mode")]
    [InlineData(9, "    mode: '4600'", "kms.socket.mode")]
    [InlineData(9, "    mode: rw-------", "kms.socket.mode")]
    [InlineData(9, "    mode: '0x1ff'", "kms.socket.mode")]
    [InlineData(10, "    owner: root", "kms.socket.owner")]
    [InlineData(10, "    owner: -1", "kms.socket.owner")]
    [InlineData(10, "    owner: 4294967295", "kms.socket.owner")]
    [InlineData(11, "    group: 1.5", "kms.socket.group")]
    [InlineData(12, "    allowedUids: 0", "kms.socket.allowedUids")]
    [InlineData(12, "    allowedUids: [0, root]", "kms.socket.allowedUids")]
    [InlineData(12, "    allowedUids: [[0]]", "kms.socket.allowedUids")]
    [InlineData(14, "  listen: tcp:127.0.0.1:7444", "admin")]
    [InlineData(16, "  mode: broker", "custody.mode")]
    [InlineData(16, "  mode: Manual", "custody.mode")]
    [InlineData(18, "    timeout: 5", "custody.remote.timeout")]
    [InlineData(18, "    timeout: 9ms", "custody.remote.timeout")]
    [InlineData(18, "    timeout: 61s", "custody.remote.timeout")]
    [InlineData(18, "    timeout: 1m30s", "custody.remote.timeout")]
    [InlineData(18, "    timeout: -1s", "custody.remote.timeout")]
    [InlineData(18, "    timeout: 9999999999s", "custody.remote.timeout")]
    [InlineData(18, "    timeout: 999999999h", "custody.remote.timeout")]
    [InlineData(19, "    pollInterval: 99ms", "custody.remote.pollInterval")]
    [InlineData(20, "    retryInterval: 11m", "custody.remote.retryInterval")]
    [InlineData(21, "    maxStaleness: 25h", "custody.remote.maxStaleness")]
    [InlineData(22, "    poolSize: 4097", "custody.remote.poolSize")]
    [InlineData(23, "    dekMaxUses: 0", "custody.remote.dekMaxUses")]
    [InlineData(24, "    dekMaxAge: 0s", "custody.remote.dekMaxAge")]
    [InlineData(25, "    cacheEntries: 15", "custody.remote.cacheEntries")]
    [InlineData(27, "  directory: relative/path", "state.directory")]
    [InlineData(27, "  folder: /var/lib/cloister", "state.folder")]
    public void A_wrong_line_is_named_with_its_field_and_nothing_else_is(int line, string replacement, string field)
    {
        string[] lines = Full.Split('\n');
        lines[line - 1] = replacement;
        ConfigurationError error = Assert.Single(Errors(string.Join('\n', lines)));
        Assert.Equal(line, error.Line);
        Assert.StartsWith(field, error.Message, StringComparison.Ordinal);
        Assert.Equal($"{error.Line}:{error.Column}: {error.Message}", error.ToString());
    }

    [Theory]
    [InlineData("apiVersion")]
    [InlineData("kind")]
    [InlineData("cluster")]
    [InlineData("provider")]
    [InlineData("kms")]
    [InlineData("custody")]
    public void What_has_to_be_there_is_missed(string field)
    {
        IEnumerable<string> rest = Minimal.Split('\n').Where(line => !line.StartsWith(field, StringComparison.Ordinal));
        rest = field switch
        {
            "kms" => rest.Where(line => !line.Contains("listen", StringComparison.Ordinal)),
            "custody" => rest.Where(line => !line.Contains("mode", StringComparison.Ordinal)),
            _ => rest,
        };
        Assert.Contains(Errors(string.Join('\n', rest)), error => error.Message == $"{field} is missing");
    }

    [Fact]
    public void Every_error_is_reported_in_the_order_of_the_file()
    {
        const string Text = """
            apiVersion: v1
            kind: Pod
            cluster: c 1
            surprise: true
            provider: a:b
            kms:
              listen: kms.sock
              backlog: 5
              socket:
                mode: "0777"
            custody:
              mode: manual
              remote:
                timeout: forever
            """;
        IReadOnlyList<ConfigurationError> errors = Errors(Text);
        Assert.Equal([1, 2, 3, 4, 5, 7, 8, 10, 14, 14], errors.Select(error => error.Line));
        Assert.Contains("surprise is unknown; known here: admin, apiVersion, cluster, custody, gateway, kind, kms, provider, secrets, state", errors[3].Message, StringComparison.Ordinal);
        Assert.Contains("kms.backlog is unknown", errors[6].Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("admin")]
    [InlineData("secrets")]
    public void Two_sockets_with_one_address_are_refused(string section)
    {
        ConfigurationError error = Assert.Single(Errors(Minimal + $"\n{section}:\n  listen: unix:/run/cloister/kms.sock"));
        Assert.Contains("different addresses", error.Message, StringComparison.Ordinal);
        Assert.Equal(10, error.Line);
    }

    [Theory]
    [InlineData("unix:/run/cloister/secrets.sock", "socket:\n    allowedUids: [5]")]
    [InlineData("tcp:127.0.0.1:7444", "relay:\n    pins: [\"sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"]")]
    public void Secrets_are_served_where_told_with_room_for_them(string address, string who)
    {
        EnclaveConfiguration configuration = EnclaveConfigurationReader.Read(Minimal + $"\nsecrets:\n  listen: {address}\n  maxConnections: 7\n  {who}");
        Assert.Equal((address, 7), (configuration.Secrets!.Address.Text, configuration.Secrets.MaxConnections));
        Assert.Equal(who.StartsWith("socket", StringComparison.Ordinal) ? [5u] : [], configuration.Secrets.Permissions.AllowedUids);
        Assert.Equal(who.Contains("pins", StringComparison.Ordinal) ? 1 : 0, configuration.Secrets.RelayPins.Count);
        Assert.Equal(4 * 1024 * 1024, configuration.Secrets.MaxMessageSize);
    }

    private const string Pin = "\"sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"";

    // What nobody can check is not accepted, for every socket that can be somewhere else than on a path.
    [Theory]
    [InlineData("listen: tcp:127.0.0.1:7400", "listen")]
    [InlineData("listen: vsock:7400", "listen")]
    [InlineData("listen: tcp:127.0.0.1:7400, unauthenticated: false", "listen")]
    [InlineData("listen: tcp:127.0.0.1:7400, unauthenticated: yes", "unauthenticated", "listen")]
    [InlineData("listen: tcp:0.0.0.0:7400", "listen")]
    [InlineData("listen: tcp:0.0.0.0:7400, unauthenticated: true", "listen")]
    [InlineData("listen: tcp:127.0.0.1:7400, relay: {}", "relay")]
    [InlineData("listen: tcp:127.0.0.1:7400, relay: {pins: []}", "relay")]
    [InlineData("listen: tcp:127.0.0.1:7400, relay: {pins: []}, unauthenticated: true", "relay")]
    [InlineData("listen: tcp:127.0.0.1:7400, relay: {pins: [" + Pin + "], keys: []}", "relay.keys")]
    [InlineData("listen: tcp:127.0.0.1:7400, relay: {pins: [\"sha1:AAAA\"]}", "relay.pins", "relay")]
    [InlineData("listen: tcp:127.0.0.1:7400, relay: {pins: [" + Pin + "]}, unauthenticated: true", "unauthenticated")]
    [InlineData("listen: tcp:127.0.0.1:7400, relay: {pins: [" + Pin + "]}, socket: {allowedUids: [0]}", "socket")]
    [InlineData("listen: vsock:7400, unauthenticated: true, socket: {mode: '0600'}", "socket")]
    [InlineData("listen: unix:/run/cloister/a.sock, relay: {pins: [" + Pin + "]}", "relay")]
    [InlineData("listen: unix:/run/cloister/a.sock, unauthenticated: true", "unauthenticated")]
    public void Who_may_connect_is_said_in_the_way_that_the_socket_can_check(string fields, params string[] wrong)
    {
        string kms = Minimal.Replace("kms:\n  listen: unix:/run/cloister/kms.sock", $"kms: {{{fields}}}", StringComparison.Ordinal);
        Assert.Equal(wrong.Order().Select(field => $"kms.{field}"), Errors(kms).Select(error => error.Message.Split(':')[0].Split(' ')[0]).Order());
        Assert.Equal(
            wrong.Order().Select(field => $"secrets.{field}"),
            Errors($"{Minimal}\nsecrets: {{{fields}}}").Select(error => error.Message.Split(':')[0].Split(' ')[0]).Order());
    }

    [Fact]
    public void A_relay_is_named_by_its_key_and_a_waiver_by_its_word()
    {
        string pinned = Minimal.Replace("unix:/run/cloister/kms.sock", "tcp:127.0.0.1:7400\n  relay:\n    pins: [" + Pin + ", " + Pin + "]", StringComparison.Ordinal);
        Assert.Equal([new byte[32], new byte[32]], EnclaveConfigurationReader.Read(pinned).Kms!.RelayPins);
        ServerOptions everywhere = EnclaveConfigurationReader.Read(pinned.Replace("127.0.0.1", "0.0.0.0", StringComparison.Ordinal)).Kms!;
        Assert.False(everywhere.Address.IsLocal);
        Assert.Equal(2, everywhere.RelayPins.Count);
        string open = Minimal.Replace("unix:/run/cloister/kms.sock", "tcp:127.0.0.1:7400\n  unauthenticated: true", StringComparison.Ordinal);
        Assert.Empty(EnclaveConfigurationReader.Read(open).Kms!.RelayPins);
    }

    [Fact]
    public void Sections_that_only_the_program_knows()
    {
        const string Text = Minimal + "\nsimulation:\n  key: value";
        Assert.Contains("simulation is unknown", Assert.Single(Errors(Text)).Message, StringComparison.Ordinal);
        string read = "";
        EnclaveConfigurationReader.Read(Text, root => read = root.Mapping("simulation").Text("key"));
        Assert.Equal("value", read);
    }

    private static IReadOnlyList<ConfigurationError> Errors(string text) =>
        Assert.Throws<ConfigurationException>(() => EnclaveConfigurationReader.Read(text)).Errors;
}
