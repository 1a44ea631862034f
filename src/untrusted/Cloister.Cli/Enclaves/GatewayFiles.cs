namespace Cloister.Cli.Enclaves;

/// <summary>The files of a simulated enclave's gateway: what an API server needs to connect to it, and the gateway's own.</summary>
internal sealed class GatewayFiles(string folder)
{
    internal string Folder { get; } = folder;

    /// <summary>Holds <c>https://127.0.0.1:PORT</c>, without an end of line.</summary>
    internal string Url => Path.Combine(Folder, "url");

    /// <summary>What an API server knows the gateway by: the development authority, or that of the broker that issues the serving certificate.</summary>
    internal string Ca => Path.Combine(Folder, "ca.crt");

    /// <summary>What the gateway knows API servers by: the development authority.</summary>
    internal string ClientCa => Path.Combine(Folder, "client-ca.crt");

    internal string ClientCertificate => Path.Combine(Folder, "client.crt");

    internal string ClientKey => Path.Combine(Folder, "client.key");

    internal string ServerCertificate => Path.Combine(Folder, "server.crt");

    internal string ServerKey => Path.Combine(Folder, "server.key");

    /// <summary>The port of the last start, which API servers know, or a free one; written down.</summary>
    internal int ChoosePort()
    {
        int port = File.Exists(Url) && Uri.TryCreate(File.ReadAllText(Url), UriKind.Absolute, out Uri? last) ? last.Port : LoopbackPort.Free();
        File.WriteAllText(Url, $"https://127.0.0.1:{port}");
        return port;
    }
}
