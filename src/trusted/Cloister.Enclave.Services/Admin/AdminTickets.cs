using System.Security.Cryptography;
using Cloister.Contracts.Operators;
using Cloister.Enclave.Keys.Crypto;

namespace Cloister.Enclave.Services.Admin;

/// <summary>
/// Tickets for changes of KEKs: each is for one KEK, single use, and valid for 5 minutes, so that a recorded change cannot be played again.
/// Thread-safe. Source: docs/provisioning.md. secrets: none.
/// </summary>
public sealed class AdminTickets
{
    /// <summary>How long a ticket is valid.</summary>
    public static readonly TimeSpan Validity = TimeSpan.FromMinutes(5);

    private const int MaxTickets = 16;

    private readonly Lock _lock = new();
    private readonly TimeProvider _time;
    private readonly List<Ticket> _tickets = [];

    /// <summary>Starts without tickets.</summary>
    /// <param name="time">Counts what has elapsed.</param>
    public AdminTickets(TimeProvider time)
    {
        _time = time;
    }

    /// <summary>Makes a ticket; the oldest ends when there are too many.</summary>
    /// <param name="kek">Name of the KEK; empty for changes that name none.</param>
    public byte[] Issue(string kek)
    {
        byte[] value = new byte[OperatorStatement.TicketSize];
        KernelRandom.Fill(value);
        lock (_lock)
        {
            DropOld();
            if (_tickets.Count == MaxTickets)
            {
                _tickets.RemoveAt(0);
            }

            _tickets.Add(new Ticket(value, kek, _time.GetTimestamp()));
        }

        return value;
    }

    /// <summary>Uses a ticket up; false when there is none of that value, or it is for another KEK.</summary>
    public bool Take(ReadOnlySpan<byte> value, string kek)
    {
        lock (_lock)
        {
            DropOld();
            for (int i = 0; i < _tickets.Count; i++)
            {
                if (CryptographicOperations.FixedTimeEquals(_tickets[i].Value, value))
                {
                    string name = _tickets[i].Kek;
                    _tickets.RemoveAt(i);
                    return name == kek;
                }
            }
        }

        return false;
    }

    private void DropOld() => _tickets.RemoveAll(ticket => _time.GetElapsedTime(ticket.IssuedAt) > Validity);

    private sealed record Ticket(byte[] Value, string Kek, long IssuedAt);
}
