using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Deploy;

public sealed class GramineTests : IDisposable
{
    private static readonly string Measure = DeployFiles.File("gramine", "measure");

    // What stands for the enclave says of every configuration.
    private const string Needs = """[ "$1 $2" = "--needs --config" ] && printf 'heap 83886080\nregions 234881024\nmemory 227672064\nenclave 536870912\nthreads 49\ndescriptors 128\n'""";

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
        await ProgramAsync(_folder.Path, "program", "echo 'enclave.yaml:3:1: nonsense' >&2; exit 1");
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
    [InlineData("sys.enable_extra_runtime_domain_names_conf = true")]
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

    // What encrypts the folder of the sealed copy opens for whom the copy itself is sealed to.
    [Theory]
    [InlineData("", "_sgx_mrenclave")]
    [InlineData("tee:\n  sealTo: enclave\n", "_sgx_mrenclave")]
    [InlineData("# tee: { sealTo: signer }\n", "_sgx_mrenclave")]
    [InlineData("tee:\n  sealTo: signer # all of one signer\n", "_sgx_mrsigner")]
    [InlineData("tee: { \"sealTo\": \"signer\" }\n", "_sgx_mrsigner")]
    public async Task The_sealed_folder_has_the_key_that_the_configuration_seals_to(string section, string key)
    {
        Assert.SkipUnless(File.Exists("/usr/lib/x86_64-linux-gnu/libssl.so.3"), "libssl3 is not installed");
        string manifest = await FillInAsync("a", await File.ReadAllTextAsync(DeployFiles.File("gramine", "enclave.yaml"), TestContext.Current.CancellationToken) + section);
        Assert.Contains($"path = \"/sealed\", uri = \"file:/var/lib/cloister\", type = \"encrypted\", key_name = \"{key}\"", manifest, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Files_of_the_host_are_let_in_only_where_the_configuration_names_some()
    {
        Assert.SkipUnless(File.Exists("/usr/lib/x86_64-linux-gnu/libssl.so.3"), "libssl3 is not installed");
        Assert.DoesNotContain("allowed_files", await FillInAsync("a"), StringComparison.Ordinal);
        string named = await FillInAsync("b", await File.ReadAllTextAsync(DeployFiles.File("gramine", "enclave-gateway.yaml"), TestContext.Current.CancellationToken));
        Assert.Contains("\n  { path = \"/etc/cloister/host\", uri = \"file:/etc/cloister/host\" },\n", named, StringComparison.Ordinal);
        Assert.Contains("\nsgx.allowed_files = [\"file:/etc/cloister/host/\"]\n", named, StringComparison.Ordinal);
    }

    // Tools that do what Gramine's do, in the layouts of its packages and of a prefix of one's own.
    [Theory]
    [InlineData("usr/lib/x86_64-linux-gnu", true)]
    [InlineData("usr/lib64", false)]
    [InlineData("usr/local/lib/x86_64-linux-gnu", false)]
    public async Task It_finds_Gramine_where_packages_put_it_and_reads_the_measurement_as_JSON(string layout, bool python)
    {
        Assert.SkipUnless(File.Exists("/usr/lib/x86_64-linux-gnu/libssl.so.3") && DeployFiles.Has("python3"), "libssl3 or python3 is not installed");
        string mrenclave = new('a', 64);
        string bin = Path.Combine(_folder["root"], layout.StartsWith("usr/local", StringComparison.Ordinal) ? "usr/local/bin" : "usr/bin");
        string runtime = Path.Combine(_folder["root"], layout, "gramine/runtime/glibc");
        Directory.CreateDirectory(runtime);
        await WriteAsync(Path.Combine(runtime, "libc.so.6"), "a C library");
        await ProgramAsync(bin, "gramine-sgx-gen-private-key", "echo key > \"$1\"");
        await ProgramAsync(bin, "gramine-sgx-sign", "case \" $* \" in *' --version '*) exit 2;; esac; echo sig > cloister-enclave.sig; cp cloister-enclave.manifest cloister-enclave.manifest.sgx");
        await ProgramAsync(
            bin, "gramine-sgx-sigstruct-view", $$"""[ "$1 $2" = "--output-format json" ] && [ -f "$3" ] || exit 2; printf '{\n    "mr_signer": "%064d",\n    "mr_enclave": "{{mrenclave}}"\n}' 0""");
        if (python)
        {
            Directory.CreateDirectory(_folder["python/graminelibos"]);
            await WriteAsync(_folder["python/graminelibos/__init__.py"], $"__version__ = '1.9'\n_CONFIG_PKGLIBDIR = '{Path.Combine(_folder["root"], layout, "gramine")}'\n");
        }

        await ProgramAsync(_folder.Path, "program", Needs);
        CliResult result = (await DeployFiles.RunAsync(
            "/usr/bin/env", $"PATH={bin}:{Environment.GetEnvironmentVariable("PATH")}", $"PYTHONPATH={_folder["python"]}", "bash", Measure,
            "--program", _folder["program"], "--config", DeployFiles.File("gramine", "enclave.yaml"), "--build", _folder["b"])).MustSucceed();
        Assert.EndsWith($"mrenclave {mrenclave}\n", result.Output, StringComparison.Ordinal);
        Assert.Contains(python ? "gramine   1.9\n" : "gramine   unknown: python3 does not find graminelibos\n", result.Output, StringComparison.Ordinal);
        Assert.Contains("  runtime/libc.so.6\n", result.Output, StringComparison.Ordinal);
        Assert.False(File.Exists(_folder["b/one-run.pem"]));
    }

    [Fact]
    public async Task What_is_installed_can_be_read_by_the_units_user_whoever_installs_it()
    {
        string build = Path.Combine(Programs.RepositoryRoot, "deploy", "gramine");
        Directory.CreateDirectory(_folder["b/runtime"]);
        foreach (string file in (string[])["cloister-enclave", "cloister-enclave.manifest.sgx", "cloister-enclave.sig", "enclave.yaml", "libssl.so.3", "libcrypto.so.3", "runtime/libc.so.6"])
        {
            await WriteAsync(_folder[$"b/{file}"], file);
            File.SetUnixFileMode(_folder[$"b/{file}"], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        (await DeployFiles.RunAsync(
            "/usr/bin/env", "bash", "-c", $"umask 077; make -s -C '{build}' -o measurement install BUILD='{_folder["b"]}' PREFIX='{_folder["root/usr/local/lib/cloister/sgx"]}'")).MustSucceed();
        foreach (string folder in (string[])["root", "root/usr/local/lib/cloister", "root/usr/local/lib/cloister/sgx", "root/usr/local/lib/cloister/sgx/runtime"])
        {
            Assert.Equal((UnixFileMode)0b111_101_101, File.GetUnixFileMode(_folder[folder]));
        }

        Assert.All(
            Directory.GetFiles(_folder["root/usr/local/lib/cloister/sgx"], "*", SearchOption.AllDirectories),
            file => Assert.True(File.GetUnixFileMode(file).HasFlag(UnixFileMode.OtherRead), file));
    }

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

    private static async Task<string[]> TemplateAsync() =>
        [.. (await File.ReadAllLinesAsync(DeployFiles.File("gramine", "cloister-enclave.manifest.template"), TestContext.Current.CancellationToken)).Where(line => !line.StartsWith('#'))];

    private static Task WriteAsync(string path, string text) => File.WriteAllTextAsync(path, text, TestContext.Current.CancellationToken);

    private static async Task ProgramAsync(string folder, string name, string script)
    {
        Directory.CreateDirectory(folder);
        string path = Path.Combine(folder, name);
        await WriteAsync(path, $"#!/bin/sh\n{script}\n");
        File.SetUnixFileMode(path, (UnixFileMode)0b111_101_101);
    }

    private async Task<string> FillInAsync(string folder, string? configuration = null)
    {
        await ProgramAsync(_folder.Path, "program", Needs);
        string file = DeployFiles.File("gramine", "enclave.yaml");
        if (configuration is not null)
        {
            file = _folder["enclave.yaml"];
            await WriteAsync(file, configuration);
        }

        (await DeployFiles.RunAsync(Measure, "--program", _folder["program"], "--config", file, "--build", _folder[folder], "--manifest-only")).MustSucceed();
        return await File.ReadAllTextAsync(Path.Combine(_folder[folder], "cloister-enclave.manifest"), TestContext.Current.CancellationToken);
    }
}
