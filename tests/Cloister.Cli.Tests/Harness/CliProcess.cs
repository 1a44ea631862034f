using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace Cloister.Cli.Tests.Harness;

/// <summary>A <c>cloister</c> process.</summary>
internal sealed partial class CliProcess : IAsyncDisposable
{
    internal const int SigInt = 2;
    internal const int SigTerm = 15;

    // The longest command is a demonstration with a dozen processes, on a machine that may be busy.
    private static readonly TimeSpan Timeout = TimeSpan.FromMinutes(10);

    private readonly Process _process;
    private readonly StringBuilder _errors = new();

    private CliProcess(ProcessStartInfo start)
    {
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        start.Environment["CLOISTER_ENCLAVE_SIM"] = Programs.EnclaveSim;
        start.Environment["CLOISTER_ENCLAVE"] = Programs.Enclave;
        start.Environment["CLOISTER_BROKER"] = Programs.Broker;
        _process = new Process { StartInfo = start };
        _process.ErrorDataReceived += (_, line) =>
        {
            lock (_errors)
            {
                _errors.AppendLine(line.Data);
            }
        };
        _process.Start();
        _process.BeginErrorReadLine();
    }

    internal int Id => _process.Id;

    internal bool HasExited => _process.HasExited;

    internal int ExitCode => _process.ExitCode;

    internal Stream Input => _process.StandardInput.BaseStream;

    internal string Errors
    {
        get
        {
            lock (_errors)
            {
                return _errors.ToString().TrimEnd() + "\n";
            }
        }
    }

    internal static CliProcess Start(params IEnumerable<string> arguments) => new(new ProcessStartInfo(Programs.Cli, arguments));

    /// <summary>Starts a program that takes the place of the shell that ran <paramref name="first"/>.</summary>
    internal static CliProcess StartAfter(string first, params IEnumerable<string> arguments) =>
        new(new ProcessStartInfo("bash", ["-c", $"{first}; exec \"$0\" \"$@\"", Programs.Cli, .. arguments]));

    /// <summary>Runs a command to its end, with nothing on standard input: in this process where that makes no difference, as a program where it does.</summary>
    internal static Task<CliResult> RunAsync(params IEnumerable<string> arguments)
    {
        string[] all = [.. arguments];
        return CliInProcess.Can(all) ? CliInProcess.RunAsync(all, Timeout) : RunWithInputAsync([], all);
    }

    /// <summary>Runs a command to its end, with standard input.</summary>
    internal static async Task<CliResult> RunWithInputAsync(byte[] input, params IEnumerable<string> arguments)
    {
        await using CliProcess cli = Start(arguments);
        try
        {
            await cli.Input.WriteAsync(input);
            cli._process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading.
        }

        Task<string> output = cli._process.StandardOutput.ReadToEndAsync();
        await cli.WaitForExitAsync(Timeout);
        return new CliResult(cli.ExitCode, await output, cli.Errors);
    }

    /// <summary>The next line on standard output, such as the one that starts with <c>ready</c>.</summary>
    internal async Task<string> ReadLineAsync()
    {
        using CancellationTokenSource limit = new(Timeout);
        return await _process.StandardOutput.ReadLineAsync(limit.Token) ?? throw new InvalidOperationException($"it ended:\n{Errors}");
    }

    /// <summary>What is left on standard output: who writes more than a pipe holds does not end before it is read.</summary>
    internal async Task<string> ReadToEndAsync()
    {
        using CancellationTokenSource limit = new(Timeout);
        return await _process.StandardOutput.ReadToEndAsync(limit.Token);
    }

    internal async Task WaitForExitAsync(TimeSpan limit)
    {
        using CancellationTokenSource timer = new(limit);
        await _process.WaitForExitAsync(timer.Token);
    }

    internal void Signal(int signal) => Assert.Equal(0, SendSignal(_process.Id, signal));

    /// <summary>SIGKILL, to this process alone.</summary>
    internal async Task KillAsync()
    {
        _process.Kill();
        await WaitForExitAsync(Timeout);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            Signal(SigTerm);
            try
            {
                await WaitForExitAsync(TimeSpan.FromSeconds(10));
            }
            catch (OperationCanceledException)
            {
                _process.Kill(entireProcessTree: true);
                await WaitForExitAsync(Timeout);
            }
        }

        _process.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int processId, int signal);
}
