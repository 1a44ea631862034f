using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Init;

/// <summary><c>cloister init</c>: what it writes is what the programs read, and nothing else is written.</summary>
public sealed class InitTests : IDisposable
{
    private const string Values = """
        apiVersion: cloister.dev/v1alpha1
        kind: InitValues
        cluster: prod-eu-1
        nodes: {cp1: "https://10.0.0.1:6443", cp2: "https://10.0.0.2:6443", cp3: "https://10.0.0.3:6443"}
        custody: {mode: manual, manual: {operators: any}}
        policy:
          tee: snp
          measurement: {measurement: "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f", product: Genoa}
        brokerConfiguration:
          listen: 0.0.0.0:8443
          database: sqlite:/var/lib/cloister-broker/broker.db
          rootKey: {file: /var/lib/cloister-broker/root.key}
          collateral: {directory: /var/lib/cloister/collateral}

        """;

    private const string Gateway = """
        kms: {listen: "tcp:127.0.0.1:7400", relay: {pins: ["sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]}}
        gateway:
          listen: tcp:127.0.0.1:2391
          tls: {issuer: broker, clientCa: broker}
          etcd: {endpoints: ["https://127.0.0.1:2379"], ca: broker}
        broker: {urls: ["https://broker.example:8443"], pins: ["sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="], kek: payments}

        """;

    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("node", "enclave.yaml encryption/readers.yaml encryption/writers.yaml encryption/sealed.yaml prometheus.yaml appraisal-policy.yaml NEXT.md")]
    [InlineData("broker", "broker.yaml appraisal-policy.yaml enclave.yaml NEXT.md")]
    [InlineData("kubeadm", "kubeadm.yaml patches/kube-apiserver+strategic.yaml encryption/readers.yaml encryption/writers.yaml encryption/sealed.yaml NEXT.md")]
    public async Task A_role_has_its_files_and_their_readers_take_them(string role, string files)
    {
        CliResult result = (await InitAsync(role, Values)).MustSucceed();
        Assert.Equal(files.Split(' '), result.Json["files"]!.AsArray().Select(file => (string)file!));
        Assert.Equal(files.Split(' ').Order(StringComparer.Ordinal), Directory.GetFiles(_folder["out"], "*", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(_folder["out"], path)).Order(StringComparer.Ordinal));
        string[] ours = [.. files.Split(' ').Where(file => file is not ("NEXT.md" or "prometheus.yaml" or "kubeadm.yaml") && !file.StartsWith("patches/", StringComparison.Ordinal)).Select(file => _folder[$"out/{file}"])];
        (await CliProcess.RunAsync(["config", "validate", "--automatic-reload", .. ours])).MustSucceed();
    }

    [Fact]
    public async Task With_a_lease_the_policy_of_the_KEK_names_this_configuration()
    {
        string values = Values.Replace("  tee: snp", "  tee: snp\n  any: [minTcb]\n  lease: {wraps: 1000, unwraps: 2000, duration: 2h}", StringComparison.Ordinal);
        Assert.NotEqual(Values, values);
        (await InitAsync("node", values)).MustSucceed();
        string policy = await File.ReadAllTextAsync(_folder["out/release-policy.yaml"], TestContext.Current.CancellationToken);
        byte[] enclave = await File.ReadAllBytesAsync(_folder["out/enclave.yaml"], TestContext.Current.CancellationToken);
        Assert.Contains("kind: ReleasePolicy", policy, StringComparison.Ordinal);
        Assert.Contains($"  configDigests:    # SHA-384 of the enclave's configuration\n    - \"{Convert.ToHexStringLower(System.Security.Cryptography.SHA384.HashData(enclave))}\"\n", policy, StringComparison.Ordinal);
        Assert.Contains("  lease: { duration: 2h, grace: 0s, wraps: 1000, unwraps: 2000 }\n", policy, StringComparison.Ordinal);
        Assert.Contains("minTcb: any    # WAIVED", policy, StringComparison.Ordinal);

        Directory.Delete(_folder["out"], recursive: true);
        (await InitAsync("node", values.Replace("unwraps", "reads", StringComparison.Ordinal))).MustBeRefused("policy.lease: has wraps and unwraps");
    }

    [Fact]
    public async Task Nothing_is_written_over()
    {
        Directory.CreateDirectory(_folder["out"]);
        await File.WriteAllTextAsync(_folder["out/mine"], "mine", TestContext.Current.CancellationToken);
        (await InitAsync("node", Values)).MustBeRefused("is there already, nothing was written");
        Assert.Equal(["mine"], Directory.GetFileSystemEntries(_folder["out"]).Select(Path.GetFileName));
    }

    [Theory]
    [InlineData("node", "mode: manual,", "mode: manually,", "enclave.yaml")]
    [InlineData("broker", "listen: 0.0.0.0:8443", "listn: 0.0.0.0:8443", "broker.yaml")]
    [InlineData("node", "cluster: prod-eu-1", "clustre: prod-eu-1", "clustre: there is no such field")]
    [InlineData("node", "https://10.0.0.2:6443", "http://10.0.0.2:6443", "cp2: has to be")]
    [InlineData("node", "cluster: prod-eu-1", "cluster: \"a\\nb\"", "cluster: has letters")]
    [InlineData("broker", "product: Genoa", "produkt: Genoa", "policy.measurement")]
    public async Task What_a_reader_refuses_is_never_there(string role, string right, string wrong, string because)
    {
        Assert.Contains(right, Values, StringComparison.Ordinal);
        CliResult result = await InitAsync(role, Values.Replace(right, wrong, StringComparison.Ordinal));
        Assert.NotEqual(ExitCode.Done, result.ExitCode);
        Assert.Contains(because, result.Errors, StringComparison.Ordinal);
        Assert.Equal(["values.yaml"], Directory.GetFileSystemEntries(_folder.Path).Select(Path.GetFileName));
    }

    [Fact]
    public async Task For_kubeadm_it_writes_what_deploy_has()
    {
        (await InitAsync("kubeadm", Values)).MustSucceed();
        string deploy = Path.Combine(Programs.RepositoryRoot, "deploy", "kubernetes");
        foreach (string file in (string[])["kubeadm.yaml", "patches/kube-apiserver+strategic.yaml"])
        {
            Assert.Equal(await FieldsAsync(Path.Combine(deploy, file)), await FieldsAsync(_folder[$"out/{file}"]));
        }
    }

    [Fact]
    public async Task A_gateway_is_out_of_the_probes_too_and_its_override_waits()
    {
        (await InitAsync("kubeadm", Values.Replace("custody: {mode: manual, manual: {operators: any}}", "custody: {mode: attested}", StringComparison.Ordinal) + Gateway)).MustSucceed();
        Assert.Contains("path: /livez?exclude=kms-providers&exclude=etcd-override-0\n", await File.ReadAllTextAsync(_folder["out/patches/kube-apiserver+strategic.yaml"], TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.Contains("# - {name: etcd-servers-overrides, value: \"/secrets#https://127.0.0.1:2391\"}", await File.ReadAllTextAsync(_folder["out/kubeadm.yaml"], TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    private async Task<CliResult> InitAsync(string role, string values)
    {
        await File.WriteAllTextAsync(_folder["values.yaml"], values, TestContext.Current.CancellationToken);
        return await CliProcess.RunAsync("init", role, "--values", _folder["values.yaml"], "--out", _folder["out"], "-o", "json");
    }

    // Without comments and indentation.
    private static async Task<string[]> FieldsAsync(string path) =>
        [.. (await File.ReadAllLinesAsync(path, TestContext.Current.CancellationToken)).Select(line => line.Trim()).Where(line => line.Length > 0 && line[0] != '#')];
}
