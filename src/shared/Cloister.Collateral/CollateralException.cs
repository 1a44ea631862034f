namespace Cloister.Collateral;

/// <summary>Collateral that cannot be had, or is not what it should be.</summary>
public sealed class CollateralException : Exception
{
    /// <summary>Says why.</summary>
    /// <param name="code">snake_case, stable: <c>unreachable</c>, <c>http_status</c>, <c>too_large</c>, <c>absent</c>, <c>missing_header</c>, <c>malformed</c>, <c>not_authentic</c>, <c>rollback</c>, <c>floor</c>, <c>busy</c>.</param>
    /// <param name="message">For people.</param>
    /// <param name="inner">What it came from.</param>
    public CollateralException(string code, string message, Exception? inner = null)
        : base(message, inner) => Code = code;

    /// <summary>snake_case, stable.</summary>
    public string Code { get; }
}
