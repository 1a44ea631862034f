using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Cloister.Cli.Output;

namespace Cloister.Cli.RollOut;

/// <summary>Asks API servers through the operator's <c>kubectl</c>, which knows how to authenticate. Reads only. secrets: none.</summary>
/// <param name="program">The program.</param>
/// <param name="kubeconfig">Its <c>--kubeconfig</c>; null for its own default.</param>
internal sealed partial class Kubectl(string program, string? kubeconfig)
{
    private const string Leases = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases?labelSelector=apiserver.kubernetes.io/identity%3Dkube-apiserver";

    // Source: kubernetes/kubernetes, pull request 132299.
    private const int FirstThatTells = 34;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    /// <summary>What one API server says of itself.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="url">Where it is asked.</param>
    /// <param name="files">The files of the phases.</param>
    /// <param name="gatewayCheck">Name of the check that it has when its Secrets go through a gateway; null: that does not matter.</param>
    /// <param name="cancellation">Ends the wait.</param>
    internal async Task<ApiServerView> LookAsync(string name, string url, PhaseFiles files, string? gatewayCheck, CancellationToken cancellation)
    {
        ApiServerView view = await LookAtProviderAsync(name, url, files, cancellation);
        if (gatewayCheck is null || view.Phase is null)
        {
            return view;
        }

        (int exit, _, string error) = await GetAsync(url, $"/readyz/{gatewayCheck}", cancellation);
        return view.Behind(exit == 0 || error.Contains("InternalError", StringComparison.Ordinal) ? true : error.Contains("NotFound", StringComparison.Ordinal) ? false : null, error);
    }

    private async Task<ApiServerView> LookAtProviderAsync(string name, string url, PhaseFiles files, CancellationToken cancellation)
    {
        (int metricsExit, string metrics, string metricsError) = await GetAsync(url, "/metrics", cancellation);
        if (metricsExit != 0)
        {
            return new ApiServerView(name, url, null, $"it does not answer: {metricsError}");
        }

        (int exit, _, string error) = await GetAsync(url, "/readyz", cancellation);
        ApiServerView view = ApiServerView.Of(name, url, metrics, exit == 0 ? "" : $"it is not ready: {error}", files);
        if (view.Phase != Phase.None)
        {
            return view;
        }

        // No configuration, or an API server that does not tell.
        (int versionExit, string version, string versionError) = await GetAsync(url, "/version", cancellation);
        return versionExit == 0 && Tells(version)
            ? view
            : view with { Phase = null, Problem = versionExit == 0 ? $"it is older than Kubernetes 1.{FirstThatTells} and does not tell which EncryptionConfiguration is in force" : versionError };
    }

    /// <summary>Whether an API server of this <c>/version</c> has the metric of its EncryptionConfiguration.</summary>
    internal static bool Tells(string version) =>
        VersionForm().Match(version) is { Success: true } found && int.Parse(found.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture) >= FirstThatTells;

    /// <summary>Hashes of the identities by which the cluster knows its API servers, as their metrics show them. An expired lease counts until it is gone.</summary>
    /// <exception cref="CliException">Exit 2: they cannot be read.</exception>
    internal async Task<IReadOnlyList<string>> IdentitiesAsync(string url, CancellationToken cancellation)
    {
        (int exit, string text, string error) = await GetAsync(url, Leases, cancellation);
        return exit == 0
            ? Identities(text)
            : throw new CliException($"the leases by which a cluster knows its API servers cannot be read ({error}): only with --these-are-all, if they are", ExitCode.No);
    }

    /// <exception cref="CliException">It is no list of leases, or an empty one.</exception>
    internal static IReadOnlyList<string> Identities(string leases)
    {
        try
        {
            using JsonDocument list = JsonDocument.Parse(leases);
            string[] names = [.. list.RootElement.GetProperty("items").EnumerateArray().Select(lease => lease.GetProperty("metadata").GetProperty("name").GetString()!)];
            return names.Length > 0
                ? [.. names.Select(name => $"sha256:{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)))}")]
                : throw new CliException("the cluster has no leases of API servers: only with --these-are-all, if they are", ExitCode.No);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new CliException("the API server's answer is no list of leases", ExitCode.No);
        }
    }

    private async Task<(int Exit, string Output, string Error)> GetAsync(string url, string path, CancellationToken cancellation)
    {
        string[] configuration = kubeconfig is null ? [] : ["--kubeconfig", kubeconfig];
        ProcessStartInfo start = new(program, [.. configuration, "--server", url, "--request-timeout=10s", "get", "--raw", path]) { RedirectStandardOutput = true, RedirectStandardError = true };
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new CliException($"{program} cannot be started ({e.Message}): --kubectl names another one");
        }

        using (process)
        using (CancellationTokenSource deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation))
        {
            deadline.CancelAfter(Limit);
            try
            {
                Task<string> error = process.StandardError.ReadToEndAsync(deadline.Token);
                string output = await process.StandardOutput.ReadToEndAsync(deadline.Token);
                await process.WaitForExitAsync(deadline.Token);
                string said = CliOutput.Shown((await error).Trim().ReplaceLineEndings(" "));
                return (process.ExitCode, output, said.Length > 300 ? said[..300] : said);
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                process.Kill();
                return (-1, "", $"no answer within {Limit.TotalSeconds} s");
            }
        }
    }

    [GeneratedRegex("\"gitVersion\": *\"v1\\.([0-9]{1,4})\\.")]
    private static partial Regex VersionForm();
}
