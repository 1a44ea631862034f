using System.Text.RegularExpressions;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Deploy;

public sealed partial class SystemdUnitTests : IDisposable
{
    // Exposure that systemd-analyze may find at most: 2.0 of 10.
    private const string Threshold = "20";

    private readonly ScratchFolder _folder = new();

    public static TheoryData<string> Units => [.. Directory.GetFiles(DeployFiles.File("systemd"), "*.service").Select(path => Path.GetFileName(path)!)];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Units))]
    public async Task A_unit_is_valid_and_hardened(string unit)
    {
        Assert.SkipUnless(DeployFiles.Has("systemd-analyze"), "systemd-analyze is not installed");

        // The programs are not installed where tests run: anything that is there stands for them.
        string text = await File.ReadAllTextAsync(DeployFiles.File("systemd", unit), TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(_folder[unit], Program().Replace(text, "$1/bin/true"), TestContext.Current.CancellationToken);
        CliResult valid = await DeployFiles.RunAsync("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", _folder[unit]);
        Assert.True(valid.ExitCode == 0 && valid.Errors.Trim().Length == 0, valid.ToString());

        CliResult exposure = await DeployFiles.RunAsync("systemd-analyze", "security", "--offline=true", "--no-pager", $"--threshold={Threshold}", _folder[unit]);
        Assert.True(exposure.ExitCode == 0, exposure.Output);
        Assert.Contains("Overall exposure level", exposure.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_unit_without_hardening_does_not_pass_the_same_check()
    {
        Assert.SkipUnless(DeployFiles.Has("systemd-analyze"), "systemd-analyze is not installed");
        await File.WriteAllTextAsync(_folder["bare.service"], "[Service]\nExecStart=/bin/true\n", TestContext.Current.CancellationToken);
        Assert.NotEqual(0, (await DeployFiles.RunAsync("systemd-analyze", "security", "--offline=true", "--no-pager", $"--threshold={Threshold}", _folder["bare.service"])).ExitCode);
    }

    // Calls of .NET's runtime at its start, as strace shows them; with any of them refused a program ends before its first line.
    [Theory]
    [MemberData(nameof(Units))]
    public async Task A_unit_allows_what_the_runtime_calls_at_its_start(string unit)
    {
        Assert.SkipUnless(DeployFiles.Has("systemd-analyze"), "systemd-analyze is not installed");
        string[] lines = await File.ReadAllLinesAsync(DeployFiles.File("systemd", unit), TestContext.Current.CancellationToken);
        HashSet<string> allowed = await CallsOfAsync("@default"); // in every filter, whatever it says
        foreach (string filter in lines.Where(line => line.StartsWith("SystemCallFilter=", StringComparison.Ordinal)).Select(line => line["SystemCallFilter=".Length..]))
        {
            HashSet<string> named = [];
            foreach (string set in filter.TrimStart('~').Split(' '))
            {
                named.UnionWith(await CallsOfAsync(set));
            }

            if (filter[0] == '~')
            {
                allowed.ExceptWith(named);
            }
            else
            {
                allowed.UnionWith(named);
            }
        }

        Assert.True(allowed.Count > 100, "the filter is read");
        Assert.All(
            (string[])["sched_setaffinity", "sched_getaffinity", "prlimit64", "membarrier", "mlock", "madvise", "clone3", "rseq", "memfd_create"], call => Assert.Contains(call, allowed));
    }

    private static async Task<HashSet<string>> CallsOfAsync(string set)
    {
        HashSet<string> calls = [];
        string text = (await DeployFiles.RunAsync("systemd-analyze", "syscall-filter", "--no-pager", set)).MustSucceed().Output;
        foreach (string line in text.Split('\n').Skip(1).Select(line => line.Trim()).Where(line => line.Length > 0 && line[0] != '#'))
        {
            calls.UnionWith(line[0] == '@' ? await CallsOfAsync(line) : [line]);
        }

        return calls;
    }

    // The unit closes every other device: a TEE that the enclave finds by one that is not named here would be no TEE in the unit.
    [Fact]
    public async Task Every_device_by_which_a_guest_finds_its_TEE_is_open_to_the_enclave()
    {
        string detector = await File.ReadAllTextAsync(Path.Combine(Programs.RepositoryRoot, "src/trusted/Cloister.Enclave.Tees/TeeDetector.cs"), TestContext.Current.CancellationToken);
        string[] devices = [.. Device().Matches(detector[detector.IndexOf("none of /dev/", StringComparison.Ordinal)..]).Select(match => match.Value).Except(["/dev/attestation", "/dev/nsm"])];
        Assert.Equal(3, devices.Length);
        string[] lines = await File.ReadAllLinesAsync(DeployFiles.File("systemd", "cloister-enclave.service"), TestContext.Current.CancellationToken);
        Assert.All(devices, device => Assert.Contains($"DeviceAllow={device} rw", lines));
    }

    // The command's runtime compiles while it runs: under MemoryDenyWriteExecute it ends at once, and with it the wait for readiness.
    [Theory]
    [MemberData(nameof(Units))]
    public async Task A_unit_that_forbids_new_code_runs_the_command_outside_of_its_sandbox_only(string unit)
    {
        string[] lines = await File.ReadAllLinesAsync(DeployFiles.File("systemd", unit), TestContext.Current.CancellationToken);
        string[] commands = [.. lines.Where(line => line.StartsWith("Exec", StringComparison.Ordinal) && line.Contains("/usr/local/bin/cloister ", StringComparison.Ordinal))];
        Assert.True(
            !lines.Contains("MemoryDenyWriteExecute=yes") || Array.TrueForAll(commands, line => line.Split('/')[0].Contains('+', StringComparison.Ordinal)),
            string.Join('\n', commands));
    }

    [Fact]
    public async Task The_relay_s_unit_gives_an_API_server_its_socket_and_its_probe_sees_that()
    {
        Directory.CreateDirectory(_folder["run"]);
        string pin = (await CliProcess.RunAsync("relay", "keygen", "--key", _folder["relay.key"])).MustSucceed().Output.Trim();
        await using EnclaveOnTcp enclave = await EnclaveOnTcp.StartAsync(_folder, $"relay: {{pins: [\"{pin}\"]}}");
        string[] commands = await Commands("cloister-relay.service");
        string[] start = Assert.Single(commands, command => command.StartsWith("relay ", StringComparison.Ordinal)).Split(' ');

        // Port and key are this test's.
        start[Array.IndexOf(start, "--target") + 1] = enclave.Address;
        start[Array.IndexOf(start, "--key") + 1] = _folder["relay.key"];
        await using CliProcess relay = CliProcess.Start(start);
        Assert.StartsWith("ready ", await relay.ReadLineAsync(), StringComparison.Ordinal);

        string probe = Assert.Single(commands, command => command.StartsWith("probe ", StringComparison.Ordinal));
        (await CliProcess.RunAsync(probe.Split(' '))).MustSucceed();
    }

    [Fact]
    public async Task The_enclave_s_unit_counts_as_started_when_its_socket_answers()
    {
        string probe = Assert.Single(await Commands("cloister-enclave.service"));
        await using CliProcess waiting = CliProcess.Start(probe.Replace("--wait 20", "--wait 60", StringComparison.Ordinal).Split(' '));
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["run"]);
        await waiting.WaitForExitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal(ExitCode.Done, waiting.ExitCode);
    }

    // The unit's command lines of this program, with sockets in this test's folder.
    private async Task<string[]> Commands(string unit)
    {
        string text = await File.ReadAllTextAsync(DeployFiles.File("systemd", unit), TestContext.Current.CancellationToken);
        return [.. Command().Matches(text).Select(match => match.Groups[1].Value.Trim().Replace("/run/cloister/", $"{_folder["run"]}/", StringComparison.Ordinal))];
    }

    [GeneratedRegex("/dev/[a-z0-9_-]+")]
    private static partial Regex Device();

    [GeneratedRegex(@"^(Exec\w+=[-+]*)\S+", RegexOptions.Multiline)]
    private static partial Regex Program();

    [GeneratedRegex(@"^Exec\w+=[-+]*/usr/local/bin/cloister (.*)$", RegexOptions.Multiline)]
    private static partial Regex Command();
}
