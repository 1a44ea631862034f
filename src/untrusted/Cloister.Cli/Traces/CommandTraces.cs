using System.CommandLine.Parsing;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using Cloister.Administration.Client;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Cloister.Cli.Traces;

/// <summary>
/// A trace of one command, over OTLP, to the collector that <c>CLOISTER_TRACES</c> names; without it nothing of this is loaded. Spans have the command's own words and how it
/// ended, and none of its options, arguments, messages or answers. secrets: none.
/// </summary>
internal static class CommandTraces
{
    /// <summary>The variable: <c>https://HOST:PORT</c>, or http on loopback.</summary>
    internal const string Variable = "CLOISTER_TRACES";

    private const string Name = "cloister";
    private const int Timeout = 2000;

    /// <summary>The collector's address, or null.</summary>
    internal static string? Endpoint => Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } text ? text : null;

    /// <summary>Runs a command.</summary>
    /// <param name="command">As it was parsed.</param>
    /// <param name="run">Runs it.</param>
    /// <exception cref="CliException">The variable is no address.</exception>
    internal static Task<int> RunAsync(CommandResult command, Func<Task<int>> run) => Endpoint is { } endpoint ? RunTracedAsync(endpoint, command, run) : run();

    // Of its own, so that the libraries are loaded when there is something to trace.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static async Task<int> RunTracedAsync(string endpoint, CommandResult command, Func<Task<int>> run)
    {
        if (!Uri.TryCreate(endpoint, UriKind.Absolute, out Uri? url) || !(url.Scheme == Uri.UriSchemeHttps || (url.Scheme == Uri.UriSchemeHttp && url.IsLoopback)) || url.UserInfo.Length > 0)
        {
            throw new CliException($"{Variable} is the address of a collector for OTLP over HTTP: https://HOST:PORT, or http on loopback; unset, nothing is traced");
        }

        // The broker is told by its own client alone: nobody else that is called.
        DistributedContextPropagator.Current = DistributedContextPropagator.CreateNoOutputPropagator();
        using ActivitySource source = new(Name);
        using TracerProvider provider = Sdk.CreateTracerProviderBuilder()
            .SetResourceBuilder(ResourceBuilder.CreateEmpty().AddService(Name, serviceVersion: typeof(CommandTraces).Assembly.GetName().Version?.ToString()))
            .AddSource(Name, AdministrationTraces.Name)
            .AddOtlpExporter(exporter =>
            {
                exporter.Protocol = OtlpExportProtocol.HttpProtobuf;
                exporter.Endpoint = new Uri(url, "/v1/traces");
                exporter.TimeoutMilliseconds = Timeout;
                exporter.HttpClientFactory = () => new HttpClient(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false, UseCookies = false, ConnectTimeout = TimeSpan.FromMilliseconds(Timeout) }) { Timeout = TimeSpan.FromMilliseconds(Timeout) };
            })
            .Build();
        using Activity? span = source.StartActivity(string.Join(' ', WordsOf(command).Reverse()));
        try
        {
            int code = await run();
            span?.SetTag("process.exit.code", code).SetStatus(code == ExitCode.Done ? ActivityStatusCode.Unset : ActivityStatusCode.Error);
            return code;
        }
        catch (Exception e)
        {
            span?.SetTag("error.type", e.GetType().Name).SetStatus(ActivityStatusCode.Error);
            throw;
        }
    }

    private static IEnumerable<string> WordsOf(CommandResult command)
    {
        for (SymbolResult? at = command; at is not null; at = at.Parent)
        {
            if (at is CommandResult one)
            {
                yield return one.Parent is null ? Name : one.Command.Name;
            }
        }
    }
}
