using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;

namespace Cloister.Enclave.Tests.Support;

/// <summary>One of the two enclave programs as a process of its own; killed at the end if it still runs.</summary>
internal sealed partial class EnclaveProcess : IDisposable
{
    private const int Terminate = 15;

    private readonly Process _process;
    private readonly StringBuilder _error = new();
    private readonly StringBuilder _output = new();
    private readonly Lock _gate = new();

    private EnclaveProcess(Process process)
    {
        _process = process;
        _process.ErrorDataReceived += (_, line) => Append(_error, line.Data);
        _process.OutputDataReceived += (_, line) => Append(_output, line.Data);
        _process.Start();
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
    }

    /// <summary>What it wrote to standard error so far.</summary>
    internal string Error => Text(_error);

    /// <summary>What it wrote to standard output so far.</summary>
    internal string Output => Text(_output);

    internal bool HasExited => _process.HasExited;

    internal int Id => _process.Id;

    internal static EnclaveProcess Start(string program, params string[] arguments) => StartFile(PathOf(program), arguments);

    /// <summary>Starts a program with environment variables of its own, <c>NAME=VALUE</c>.</summary>
    internal static EnclaveProcess StartWith(string[] environment, string program, params string[] arguments) =>
        StartFile("env", [.. environment, PathOf(program), .. arguments]);

    /// <summary>Starts a program with mounts of its own, which a shell makes before it becomes the program.</summary>
    /// <param name="mounts">What the shell does; $1 and on are <paramref name="parameters"/>.</param>
    /// <param name="parameters">Parameters of that.</param>
    /// <param name="program">The program.</param>
    /// <param name="arguments">Its arguments.</param>
    internal static EnclaveProcess StartWithMounts(string mounts, string[] parameters, string program, params string[] arguments) => StartFile(
        "unshare", ["--mount", "sh", "-c", $"set -e; {mounts}; shift {parameters.Length}; exec \"$@\"", "sh", .. parameters, PathOf(program), .. arguments]);

    /// <summary>Whether this process may make mounts for its children: root with the capability for it.</summary>
    internal static bool MayMount()
    {
        using Process probe = Process.Start(new ProcessStartInfo("unshare", ["--mount", "mount", "-t", "tmpfs", "none", "/mnt"]) { RedirectStandardError = true })!;
        probe.WaitForExit();
        return probe.ExitCode == 0;
    }

    private static EnclaveProcess StartFile(string file, string[] arguments)
    {
        ProcessStartInfo start = new(file, arguments)
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
        };
        return new EnclaveProcess(new Process { StartInfo = start });
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _process.Dispose();
    }

    /// <summary>Sends SIGTERM.</summary>
    internal void Stop() => Assert.Equal(0, Kill(_process.Id, Terminate));

    internal void CloseInput() => _process.StandardInput.Close();

    /// <summary>Waits for its end.</summary>
    internal async Task<int> ExitAsync(TimeSpan patience)
    {
        await _process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(patience);
        return _process.ExitCode;
    }

    private static string PathOf(string program)
    {
        string relative = typeof(EnclaveProcess).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == program).Value!;
        return Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, relative));
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int pid, int signal);

    private void Append(StringBuilder text, string? line)
    {
        lock (_gate)
        {
            text.Append(line).Append('\n');
        }
    }

    private string Text(StringBuilder text)
    {
        lock (_gate)
        {
            return text.ToString();
        }
    }
}
