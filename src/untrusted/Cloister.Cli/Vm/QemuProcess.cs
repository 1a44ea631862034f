using System.ComponentModel;
using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Cloister.Cli.Output;

namespace Cloister.Cli.Vm;

/// <summary>QEMU as a child: the machine's console on standard error, <c>ready</c> on standard output when the enclave listens, stopped on SIGTERM.</summary>
internal static partial class QemuProcess
{
    /// <param name="qemu">The program.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="listener">What is the last to listen in the machine: <c>kms</c> or <c>gateway</c>.</param>
    /// <param name="cancellation">Ends the machine.</param>
    internal static async Task<int> RunAsync(string qemu, IEnumerable<string> arguments, string listener, CancellationToken cancellation)
    {
        using Process process = Start(qemu, arguments);
        process.StandardInput.Close();
        Task errors = CopyAsync(process.StandardError);
        string? last = null;
        bool ready = false;
        try
        {
            while (await process.StandardOutput.ReadLineAsync(cancellation) is { } line)
            {
                string shown = CliOutput.Shown(line.TrimEnd('\r'));
                await Console.Error.WriteLineAsync(shown);
                last = Ended.Match(shown) is { Success: true } ended ? ended.Groups[1].Value : last;
                if (!ready && shown.Contains($"Z INFORMATION 4 {listener} listens on ", StringComparison.Ordinal))
                {
                    ready = true;
                    await Console.Out.WriteLineAsync("ready");
                    NotifySystemd();
                }
            }

            await process.WaitForExitAsync(cancellation);
        }
        catch (OperationCanceledException)
        {
            // The machine keeps nothing: it ends with its memory, and every key in it.
            process.Kill();
            await process.WaitForExitAsync(CancellationToken.None);
            return ExitCode.Done;
        }

        await errors;
        throw new CliException(last is null
            ? $"the machine ended (QEMU's exit code is {process.ExitCode}) and the enclave did not say why: a panic, or out of memory; see the lines above"
            : $"the machine ended: the enclave ended with exit code {last}, see its lines above");
    }

    private static Process Start(string qemu, IEnumerable<string> arguments)
    {
        try
        {
            return Process.Start(new ProcessStartInfo(qemu, arguments)
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
        }
        catch (Win32Exception)
        {
            throw new CliException($"{qemu} cannot be started: install it (Debian: qemu-system-x86), or name it with --qemu");
        }
    }

    private static async Task CopyAsync(StreamReader from)
    {
        while (await from.ReadLineAsync() is { } line)
        {
            await Console.Error.WriteLineAsync(CliOutput.Shown(line));
        }
    }

    // Source: sd_notify(3).
    private static void NotifySystemd()
    {
        if (Environment.GetEnvironmentVariable("NOTIFY_SOCKET") is not { Length: > 0 } path)
        {
            return;
        }

        using Socket socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        socket.SendTo(Encoding.ASCII.GetBytes("READY=1"), new UnixDomainSocketEndPoint(path[0] == '@' ? $"\0{path[1..]}" : path));
    }

    [GeneratedRegex("^enclave vm: the enclave ended with exit code ([0-9]+);")]
    private static partial Regex Ended { get; }
}
