namespace Cloister.Cli.Etcd;

/// <summary>Where etcd is and how to get in.</summary>
/// <param name="Endpoints">At least one, <c>http://</c> or <c>https://</c>; the first that answers is used.</param>
/// <param name="CaPath">PEM file of the authorities that may vouch for the server; null for the system's.</param>
/// <param name="CertificatePath">PEM file of the client's certificate and its chain, or null.</param>
/// <param name="KeyPath">PEM file of the client's key, or null. secrets: the file.</param>
internal sealed record EtcdOptions(IReadOnlyList<Uri> Endpoints, string? CaPath, string? CertificatePath, string? KeyPath)
{
    /// <exception cref="CliException">Something does not go together.</exception>
    internal static EtcdOptions Create(string endpoints, string? ca, string? certificate, string? key)
    {
        List<Uri> uris = [.. endpoints.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(Endpoint)];
        if (uris.Count == 0)
        {
            throw new CliException("--endpoints names no endpoint, such as https://127.0.0.1:2379");
        }

        if ((certificate is null) != (key is null))
        {
            throw new CliException("--cert and --key go together");
        }

        // Who gives certificates means TLS; a forgotten "s" must not send Secrets in clear.
        if ((ca ?? certificate) is not null && uris.Exists(uri => uri.Scheme == Uri.UriSchemeHttp))
        {
            throw new CliException("--cacert, --cert and --key are for https:// endpoints");
        }

        return new EtcdOptions(uris, ca, certificate, key);
    }

    private static Uri Endpoint(string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out Uri? uri)
            || (uri.Scheme != Uri.UriSchemeHttp && uri.Scheme != Uri.UriSchemeHttps)
            || uri.PathAndQuery != "/"
            || uri.UserInfo.Length > 0)
        {
            throw new CliException($"--endpoints: '{text}' is not http://HOST:PORT or https://HOST:PORT");
        }

        return uri;
    }
}
