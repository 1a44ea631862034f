using System.CommandLine;
using Cloister.AdminApi;
using Cloister.Administration.Client;
using Cloister.Certificates;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Output;
using Cloister.Cli.Traces;
using Cloister.Sockets;
using Grpc.Core;

namespace Cloister.Cli;

/// <summary>Runs a command line: errors become one message on standard error and an exit code.</summary>
internal static class CliProgram
{
    internal static async Task<int> RunAsync(RootCommand root, string[] args)
    {
        CertificateStores.NeedNoHome();
        HelpNames.Set(root);
        ParseResult parsed = root.Parse(args);
        if (CommandLineErrors.Of(parsed) is { Count: > 0 } errors)
        {
            foreach (string error in errors)
            {
                await Console.Error.WriteLineAsync($"cloister: {error}");
            }

            await Console.Error.WriteLineAsync("cloister: see 'cloister --help' and 'cloister VERB --help'");
            return ExitCode.Usage;
        }

        using Termination termination = new();
        try
        {
            InvocationConfiguration configuration = new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };
            return await CommandTraces.RunAsync(parsed.CommandResult, () => termination.RunAsync(stop => parsed.InvokeAsync(configuration, stop)));
        }
        catch (CliException e)
        {
            return await RefuseAsync(e.Message, e.ExitCode);
        }
        catch (ListenException e)
        {
            return await RefuseAsync(e.Message, ExitCode.Usage);
        }
        catch (AdministrationRefusedException e)
        {
            return await RefuseAsync(e.Message, e.Error is AdminErrors.Unavailable or AdminErrors.BadRequest ? ExitCode.Usage : ExitCode.No);
        }
        catch (BrokerUnreachableException e)
        {
            return await RefuseAsync(e.Message, ExitCode.Usage);
        }
        catch (RpcException e)
        {
            return await RefuseAsync(EnclaveChannel.Explain(e), e.StatusCode == StatusCode.Unavailable ? ExitCode.Usage : ExitCode.No);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return await RefuseAsync(e.Message, ExitCode.Usage);
        }
        catch (OperationCanceledException)
        {
            return await RefuseAsync("stopped before it was done", ExitCode.Usage);
        }
    }

    private static async Task<int> RefuseAsync(string message, int exitCode)
    {
        await Console.Error.WriteLineAsync($"cloister: {message}");
        return exitCode;
    }
}
