using System.Text;

namespace Cloister.Conformance.Harness;

/// <summary>kubectl of the harness's packages (never one found on the machine), with a home folder of its own.</summary>
internal sealed class Kubectl(string program, string folder, string kubeconfig)
{
    private readonly Dictionary<string, string> _environment = new() { ["HOME"] = folder };

    public Task<CommandResult> RunAsync(CancellationToken cancellation, params IEnumerable<string> arguments) =>
        RunAsync(null, arguments, cancellation);

    /// <summary>Whether a path such as /readyz answers 200.</summary>
    public async Task<bool> IsOkAsync(string path, CancellationToken cancellation) =>
        (await RunAsync(cancellation, "get", "--raw", path)).Succeeded;

    public Task<CommandResult> CreateSecretAsync(string name, string password, CancellationToken cancellation) =>
        RunAsync(cancellation, "create", "secret", "generic", name, $"--from-literal=password={password}");

    /// <summary>The password of a secret made by <see cref="CreateSecretAsync"/>, as the API server gives it.</summary>
    public async Task<string> ReadSecretAsync(string name, CancellationToken cancellation)
    {
        CommandResult result = await RunAsync(cancellation, "get", "secret", name, "-o", "jsonpath={.data.password}");
        return Encoding.UTF8.GetString(Convert.FromBase64String(result.EnsureSuccess()));
    }

    /// <summary>What makes an API server encrypt a Secret anew: writing it as it is.</summary>
    public async Task RewriteSecretAsync(string name, CancellationToken cancellation)
    {
        string json = (await RunAsync(cancellation, "get", "secret", name, "-o", "json")).EnsureSuccess();
        (await RunAsync(json, ["replace", "-f", "-"], cancellation)).EnsureSuccess();
    }

    /// <summary>Starts a watch of Secrets that prints one name a line.</summary>
    public ChildProcess Watch() =>
        ChildProcess.Start("watch", folder, program, "--kubeconfig", kubeconfig, "get", "secrets", "--watch", "-o", "name");

    private Task<CommandResult> RunAsync(string? input, IEnumerable<string> arguments, CancellationToken cancellation) =>
        Command.RunAsync(program, ["--kubeconfig", kubeconfig, .. arguments], cancellation, input, _environment);
}
