namespace Cloister.Kbs;

/// <summary>Paths, names and bounds of the protocol. Source: docs/broker-protocol.md.</summary>
public static class KbsPaths
{
    /// <summary>The KBS protocol version that is spoken.</summary>
    public const string ProtocolVersion = "0.4.0";

    /// <summary>The cookie that carries a session.</summary>
    public const string SessionCookie = "kbs-session-id";

    /// <summary>Asks for a challenge.</summary>
    public const string Auth = "/kbs/v0/auth";

    /// <summary>Answers a challenge with evidence.</summary>
    public const string Attest = "/kbs/v0/attest";

    /// <summary>What resources begin with.</summary>
    public const string Resource = "/kbs/v0/resource";

    /// <summary>First release and renewal.</summary>
    public const string Lease = "/kbs/v0/cloister/lease";

    /// <summary>Long poll for changes of a lease's KEK.</summary>
    public const string Watch = "/kbs/v0/cloister/watch";

    /// <summary>Wraps keys under a KEK that is not released.</summary>
    public const string Wrap = "/kbs/v0/cloister/wrap";

    /// <summary>Unwraps them.</summary>
    public const string Unwrap = "/kbs/v0/cloister/unwrap";

    /// <summary>Issues the gateway's serving certificate.</summary>
    public const string Certificate = "/kbs/v0/cloister/certificate";

    /// <summary>What the type of every error begins with.</summary>
    public const string ErrorTypePrefix = "https://github.com/confidential-containers/kbs/errors/";

    /// <summary>Longest body, in bytes.</summary>
    public const int MaxBodySize = 1024 * 1024;

    /// <summary>Most items of one wrap or unwrap.</summary>
    public const int MaxItems = 256;

    /// <summary>Longest item to wrap, in bytes.</summary>
    public const int MaxItemSize = 4096;

    /// <summary>Longest PKCS#10 request, in bytes.</summary>
    public const int MaxCertificateRequestSize = 4 * 1024;

    /// <summary>Longest statement, in bytes.</summary>
    public const int MaxStatementSize = 8 * 1024;
}
