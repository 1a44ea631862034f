using System.Diagnostics;
using System.Globalization;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Packages.Tests.Machines;

/// <summary>
/// A Debian that systemd boots, in a container with a network of its own that leads nowhere. It has no .NET. Packages stand in <c>/packages</c>, the
/// next version's in <c>/next</c>, the simulated enclave in <c>/opt/dev</c>.
/// </summary>
internal sealed class Machine : IAsyncDisposable
{
    private static readonly TimeSpan BootLimit = TimeSpan.FromMinutes(2);

    private readonly ScratchFolder _folder = new();
    private readonly string _root;
    private readonly string[] _binds;
    private Process? _boot;
    private int _init;

    private Machine(string root, string[] binds) => (_root, _binds) = (root, binds);

    /// <summary>Boots a machine, or skips the test with the reason why there can be none here.</summary>
    /// <param name="binds">Options of systemd-nspawn for more folders, such as <c>--bind=HERE:THERE</c>.</param>
    internal static async Task<Machine> BootAsync(params string[] binds)
    {
        Built.SkipUnlessThere();
        Said root = await Shell.RunAsync(Shell.InRepository("eng", "debian-root"));
        Assert.SkipWhen(root.ExitCode == 77, root.Errors.Trim());
        Machine machine = new(root.MustSucceed(), binds);
        await machine.StartAsync();
        return machine;
    }

    /// <summary>A wire between two machines, and their addresses on it.</summary>
    internal static async Task ConnectAsync(Machine one, string address, Machine other, string otherAddress)
    {
        (await Shell.BashAsync(
            $"ip link add wire netns {one._init} type veth peer name wire netns {other._init}; "
            + string.Join("; ", new[] { (one, address), (other, otherAddress) }.Select(end => $"nsenter --target {end.Item1._init} --net ip address add {end.Item2}/24 dev wire; nsenter --target {end.Item1._init} --net ip link set wire up")))).MustSucceed();
    }

    /// <summary>Runs a script of bash in the machine.</summary>
    internal Task<Said> TryAsync(string script) => Shell.RunAsync(
        "nsenter", "--target", $"{_init}", "--all", "--", "/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin", "LC_ALL=C.UTF-8", "TERM=dumb",
        "/bin/bash", "-euo", "pipefail", "-c", script);

    /// <summary>Runs a script of bash in the machine that has to succeed; what it printed.</summary>
    internal async Task<string> RunAsync(string script) => (await TryAsync(script)).MustSucceed();

    /// <summary>Tries a script until it succeeds, for at most a minute.</summary>
    internal async Task<string> EventuallyAsync(string script)
    {
        for (long end = Environment.TickCount64 + 60_000; ;)
        {
            Said said = await TryAsync(script);
            if (said.ExitCode == 0 || Environment.TickCount64 > end)
            {
                return said.MustSucceed();
            }

            await Task.Delay(500, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Writes a file in the machine; its folder is made.</summary>
    internal Task<string> WriteAsync(string path, string text) =>
        RunAsync($"mkdir -p \"$(dirname '{path}')\"; echo {Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(text))} | base64 -d >'{path}'");

    /// <summary>Has a unit start the simulated enclave in the place of the one that needs a TEE.</summary>
    /// <param name="unit">The unit.</param>
    /// <param name="before">Lines of its section <c>Service</c> besides.</param>
    internal Task<string> SimulateAsync(string unit, string before = "") => WriteAsync(
        $"/etc/systemd/system/{unit}.service.d/simulated.conf", $"[Service]\n{before}ExecStart=\nExecStart=/opt/dev/cloister-enclave-sim --config /etc/cloister/enclave.yaml\n");

    /// <summary>Shuts the machine down and boots it again.</summary>
    internal async Task RebootAsync()
    {
        await StopAsync();
        await StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _folder.Dispose();
    }

    private async Task StartAsync()
    {
        _boot = Process.Start(new ProcessStartInfo(
            "unshare",
            [
                "--mount", Path.Combine(AppContext.BaseDirectory, "Machines", "boot"), _root, _folder["machine"], $"--machine=cloister-{Guid.NewGuid():n}",
                $"--bind-ro={Built.Packages}:/packages", $"--bind-ro={await Built.NextAsync()}:/next", $"--bind-ro={Built.Simulator}:/opt/dev", .. _binds,
            ])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true,
        })!;
        int nspawn = int.Parse(await _boot.StandardOutput.ReadLineAsync() ?? "0", CultureInfo.InvariantCulture);
        long end = Environment.TickCount64 + (long)BootLimit.TotalMilliseconds;
        while (Environment.TickCount64 < end && !_boot.HasExited)
        {
            // The first child is the machine's init.
            string children = await ReadAsync($"/proc/{nspawn}/task/{nspawn}/children");
            if (int.TryParse(children.Split(' ')[0], CultureInfo.InvariantCulture, out _init)
                && (await TryAsync("systemctl is-system-running --wait")).Output.Trim() is "running" or "degraded")
            {
                return;
            }

            await Task.Delay(200, TestContext.Current.CancellationToken);
        }

        Assert.Fail($"the machine did not boot: {await ReadAsync(_folder["machine/console"])}");
    }

    private async Task StopAsync()
    {
        if (_boot is { } boot)
        {
            boot.StandardInput.Close();
            await boot.WaitForExitAsync();
            boot.Dispose();
            _boot = null;
        }
    }

    private static async Task<string> ReadAsync(string path)
    {
        try
        {
            return await File.ReadAllTextAsync(path);
        }
        catch (IOException e)
        {
            return e.Message;
        }
    }
}
