using Cloister.Enclave.Tests.Support;

namespace Cloister.Enclave.Tests.Processes;

/// <summary>What keeps the two programs from starting, and what they say.</summary>
public sealed class StartRefusalTests : IDisposable
{
    private const string Valid = """
        apiVersion: cloister.dev/v1alpha1
        kind: EnclaveConfiguration
        cluster: cluster-1
        provider: cloister
        kms:
          listen: tcp:127.0.0.1:0
          unauthenticated: true
        custody:
          mode: manual
        """;

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(60);

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_bad_configuration_is_refused_with_every_error_and_its_line()
    {
        string path = Write("apiVersion: v1\nkind: EnclaveConfiguration\ncluster: c\nprovider: a:b\nkms:\n  listen: nowhere\n  backlog: 1\ncustody:\n  mode: none\n");
        using EnclaveProcess process = EnclaveProcess.Start("cloister-enclave-sim", "--config", path);
        Assert.Equal(1, await process.ExitAsync(Timeout));
        Assert.Contains($"{path} is not accepted:", process.Error, StringComparison.Ordinal);
        foreach (string place in (string[])["1:13: apiVersion", "4:11: provider", "6:11: kms.listen", "7:3: kms.backlog", "9:9: custody.mode"])
        {
            Assert.Contains($"  {path}:{place}", process.Error, StringComparison.Ordinal);
        }

        Assert.DoesNotContain("   at ", process.Error, StringComparison.Ordinal);
    }

    public static TheoryData<string, string> Configurations => new()
    {
        { Valid + "\nstate:\n  directory: /nonexistent/cloister", "state.directory /nonexistent/cloister does not exist" },
        { Valid.Replace("mode: manual", "mode: remote", StringComparison.Ordinal), "simulation.remoteKms.keyFile is missing" },
        { Valid.Replace("tcp:127.0.0.1:0\n  unauthenticated: true", "unix:/nonexistent/kms.sock", StringComparison.Ordinal), "/nonexistent does not exist" },
        { Valid.Replace("tcp:127.0.0.1:0", "tcp:127.0.0.1:99999", StringComparison.Ordinal), "kms.listen" },
        { Valid + "\nstate:\n  directory: /", "cannot seal state" },
        { Valid.Replace("\n  unauthenticated: true", "", StringComparison.Ordinal), "relay.pins" },
        { Valid.Replace("unauthenticated: true", "socket: {allowedUids: [0]}", StringComparison.Ordinal), "kms.socket: mode, owner, group and allowedUids are those of a unix socket" },
        { "a: [", "not YAML" },
        { "", "one YAML document" },
    };

    [Theory]
    [MemberData(nameof(Configurations))]
    public async Task What_cannot_work_is_refused_with_what_to_do(string configuration, string words)
    {
        using EnclaveProcess process = EnclaveProcess.Start("cloister-enclave-sim", "--config", Write(configuration));
        Assert.Equal(1, await process.ExitAsync(Timeout));
        Assert.Contains(words, process.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", process.Error, StringComparison.Ordinal);
        Assert.Empty(process.Output.Trim());
    }

    [Theory]
    [InlineData("")]
    [InlineData("--config")]
    [InlineData("--help")]
    [InlineData("--config a b")]
    [InlineData("--needs")]
    [InlineData("--more --config a")]
    public async Task Other_arguments_are_answered_with_the_usage(string arguments)
    {
        using EnclaveProcess process = EnclaveProcess.Start("cloister-enclave-sim", arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal(1, await process.ExitAsync(Timeout));
        Assert.Contains("usage: cloister-enclave-sim [--log-format text|json] [--needs] --config FILE", process.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_configuration_that_is_not_there_is_refused()
    {
        using EnclaveProcess process = EnclaveProcess.Start("cloister-enclave-sim", "--config", _folder.File("none.yaml"));
        Assert.Equal(1, await process.ExitAsync(Timeout));
        Assert.Contains("none.yaml cannot be read", process.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_changed_sealed_copy_keeps_it_from_starting()
    {
        Directory.CreateDirectory(_folder.File("state"));
        await File.WriteAllBytesAsync(_folder.File("state/keks.sealed"), TestKeys.Random(200), TestContext.Current.CancellationToken);
        string path = Write($"{Valid}\nstate:\n  directory: {_folder.File("state")}\nsimulation:\n  sealingKeyFile: {_folder.File("sealing.key")}");
        using EnclaveProcess process = EnclaveProcess.Start("cloister-enclave-sim", "--config", path);
        Assert.Equal(1, await process.ExitAsync(Timeout));
        Assert.Contains("keks.sealed does not open", process.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_real_enclave_does_not_start_without_a_TEE()
    {
        string[] devices = ["/dev/attestation/attestation_type", "/dev/tdx_guest", "/dev/sev-guest", "/dev/nsm"];
        Assert.SkipWhen(devices.Any(File.Exists), "this machine has a TEE");
        using EnclaveProcess process = EnclaveProcess.Start("cloister-enclave", "--config", Write(Valid));
        Assert.Equal(1, await process.ExitAsync(Timeout));
        Assert.StartsWith("cloister-enclave: no TEE here", process.Error, StringComparison.Ordinal);
        Assert.Single(process.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Empty(process.Output.Trim());
    }

    [Theory]
    [InlineData("cloister-enclave")]
    [InlineData("cloister-enclave-sim")]
    public async Task The_version_is_told_anywhere(string program)
    {
        using EnclaveProcess process = EnclaveProcess.Start(program, "--version");
        Assert.Equal(0, await process.ExitAsync(Timeout));
        Assert.Matches($@"^{program} \d+\.\d+\.\d+\n", process.Output);
    }

    [Theory]
    [InlineData("cloister-enclave")]
    [InlineData("cloister-enclave-sim")]
    public async Task What_a_configuration_needs_is_told_anywhere(string program)
    {
        using EnclaveProcess process = EnclaveProcess.Start(program, "--needs", "--config", Write(Valid));
        Assert.Equal(0, await process.ExitAsync(Timeout));
        Assert.StartsWith("heap ", process.Output, StringComparison.Ordinal);
        Assert.Contains("\nenclave 536870912\n", process.Output, StringComparison.Ordinal);
        using EnclaveProcess wrong = EnclaveProcess.Start(program, "--needs", "--config", Write($"{Valid}\nwrong: 1"));
        Assert.Equal(1, await wrong.ExitAsync(Timeout));
        Assert.Contains("wrong is unknown", wrong.Error, StringComparison.Ordinal);
        Assert.Empty(wrong.Output.Trim());
    }

    [Theory]
    [InlineData("DOTNET_GCHeapHardLimit=4000000", "MiB of heap of 64.")]
    [InlineData("prlimit --nofile=500", "descriptors of 500.")]
    public async Task Limits_that_need_more_than_there_is_are_refused_with_figures(string scarce, string figures)
    {
        string path = Write(Valid.Replace("unauthenticated: true", "unauthenticated: true\n  maxConnections: 1000", StringComparison.Ordinal));
        using EnclaveProcess process = EnclaveProcess.StartWith(scarce.Split(' '), "cloister-enclave-sim", "--config", path);
        Assert.Equal(1, await process.ExitAsync(Timeout));
        Assert.Contains("the limits of the configuration need more than there is: ", process.Error, StringComparison.Ordinal);
        Assert.Contains(figures, process.Error, StringComparison.Ordinal);
        Assert.Contains("kms.maxConnections 1000", process.Error, StringComparison.Ordinal);
    }

    private string Write(string configuration)
    {
        string path = _folder.File("enclave.yaml");
        File.WriteAllText(path, configuration);
        return path;
    }
}
