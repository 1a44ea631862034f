using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Deploy;

public sealed class GramineTests : IDisposable
{
    private static readonly string Measure = DeployFiles.File("gramine", "measure");

    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_manifest_is_the_same_wherever_it_is_filled_in_and_names_files_by_relative_paths_only()
    {
        Assert.SkipUnless(File.Exists("/usr/lib/x86_64-linux-gnu/libssl.so.3"), "libssl3 is not installed");
        string[] manifests = [await FillInAsync("a"), await FillInAsync("longer/b")];
        Assert.Equal(manifests[0], manifests[1]);
        Assert.DoesNotContain("@", string.Concat(manifests[0].Split('\n').Where(line => !line.StartsWith('#'))), StringComparison.Ordinal);
        foreach (string uri in manifests[0].Split('"').Where(part => part.StartsWith("file:", StringComparison.Ordinal) && part != "file:/var/lib/cloister"))
        {
            Assert.NotEqual('/', uri["file:".Length]);
        }
    }

    [Fact]
    public async Task The_manifest_has_what_the_program_says_that_the_configuration_needs()
    {
        Assert.SkipUnless(File.Exists("/usr/lib/x86_64-linux-gnu/libssl.so.3"), "libssl3 is not installed");
        string[] manifest = (await FillInAsync("a")).Split('\n');
        foreach (string line in (string[])[
            "loader.env.DOTNET_GCHeapHardLimit = \"5000000\"", "loader.env.DOTNET_GCRegionRange = \"e000000\"", "sys.fds.limit = 128", "sgx.enclave_size = \"512M\"", "sgx.max_threads = 52"])
        {
            Assert.Single(manifest, line);
        }
    }

    [Fact]
    public async Task A_configuration_that_the_program_does_not_accept_is_not_measured()
    {
        Assert.SkipUnless(File.Exists("/usr/lib/x86_64-linux-gnu/libssl.so.3"), "libssl3 is not installed");
        await WriteProgramAsync("echo 'enclave.yaml:3:1: nonsense' >&2; exit 1");
        CliResult result = await DeployFiles.RunAsync(
            Measure, "--program", _folder["program"], "--config", DeployFiles.File("gramine", "enclave.yaml"), "--build", _folder["a"], "--manifest-only");
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("enclave.yaml:3:1: nonsense", result.Errors, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder["a"]));
    }

    // What keys depend on: each of these, changed, makes an enclave that is unsafe or does not run.
    [Theory]
    [InlineData("sgx.debug = false")]
    [InlineData("sgx.edmm_enable = true")]
    [InlineData("sgx.use_exinfo = true")]
    [InlineData("sgx.remote_attestation = \"dcap\"")]
    [InlineData("sys.disallow_subprocesses = true")]
    [InlineData("fs.root.type = \"tmpfs\"")]
    [InlineData("loader.argv = [\"cloister-enclave\", \"--config\", \"/etc/cloister/enclave.yaml\"]")]
    [InlineData("loader.env.DOTNET_GCHeapHardLimit = \"@HEAP@\"")]
    [InlineData("loader.env.DOTNET_GCRegionRange = \"@REGIONS@\"")]
    [InlineData("loader.env.DOTNET_GCRegionSize = \"100000\"")]
    [InlineData("loader.env.MALLOC_ARENA_MAX = \"1\"")]
    [InlineData("loader.log_level = \"error\"")]
    public async Task The_template_has_each_setting_once(string setting) =>
        Assert.Single(await TemplateAsync(), line => line == setting);

    [Theory]
    [InlineData("insecure__")]
    [InlineData("allowed_files")]
    [InlineData("passthrough")]
    [InlineData("\"0x")]
    public async Task The_template_has_nothing_that_lets_the_host_choose(string word) =>
        Assert.DoesNotContain(await TemplateAsync(), line => line.Contains(word, StringComparison.Ordinal));

    [Fact]
    public async Task What_is_missing_is_named_with_exit_code_2()
    {
        CliResult result = await DeployFiles.RunAsync(Measure, "--program", _folder["none"], "--config", _folder["none"], "--isvsvn", "x", "--build", _folder["b"]);
        Assert.Equal(2, result.ExitCode);
        Assert.Equal("", result.Output);
        foreach (string missing in (string[])["make publish", "CONFIG=FILE", "ISVSVN"])
        {
            Assert.Contains(missing, result.Errors, StringComparison.Ordinal);
        }

        Assert.True(DeployFiles.Has("gramine-sgx-sign") || result.Errors.Contains("gramine-sgx-sign", StringComparison.Ordinal), result.Errors);
        Assert.False(Directory.Exists(_folder["b"]));
    }

    [Fact]
    public async Task Without_Gramine_its_test_says_skipped_and_why()
    {
        Assert.SkipWhen(DeployFiles.Has("gramine-direct"), "Gramine is installed");
        CliResult result = (await DeployFiles.RunAsync(DeployFiles.File("gramine", "test-direct"), "--program", _folder["none"])).MustSucceed();
        Assert.Contains("Gramine is not installed", result.Output, StringComparison.Ordinal);
        Assert.EndsWith("0 passed, 0 failed, 1 skipped\n", result.Output, StringComparison.Ordinal);
    }

    private static async Task<string[]> TemplateAsync() =>
        [.. (await File.ReadAllLinesAsync(DeployFiles.File("gramine", "cloister-enclave.manifest.template"), TestContext.Current.CancellationToken)).Where(line => !line.StartsWith('#'))];

    // Stands for the enclave.
    private async Task WriteProgramAsync(string script)
    {
        await File.WriteAllTextAsync(_folder["program"], $"#!/bin/sh\n{script}\n", TestContext.Current.CancellationToken);
        File.SetUnixFileMode(_folder["program"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private async Task<string> FillInAsync(string folder)
    {
        await WriteProgramAsync("""[ "$1 $2" = "--needs --config" ] && printf 'heap 83886080\nregions 234881024\nmemory 227672064\nenclave 536870912\nthreads 49\ndescriptors 128\n'""");
        (await DeployFiles.RunAsync(
            Measure, "--program", _folder["program"], "--config", DeployFiles.File("gramine", "enclave.yaml"), "--build", _folder[folder], "--manifest-only")).MustSucceed();
        return await File.ReadAllTextAsync(Path.Combine(_folder[folder], "cloister-enclave.manifest"), TestContext.Current.CancellationToken);
    }
}
