using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using VmHost.Machines;
using VmHost.Specs;

namespace VmHost.Daemon.Api.Listing;

/// <summary>Reads the text of a filter.</summary>
internal sealed class FilterParser
{
    private const string And = "AND";
    private const string StatePrefix = "MACHINE_STATE_";

    private static readonly string[] States = [.. Enum.GetNames<MachineState>().Select(static name => name.ToUpperInvariant())];

    private readonly string _text;
    private int _position;

    private FilterParser(string text) => _text = text;

    /// <summary>The terms; none for text without any.</summary>
    /// <exception cref="FormatException">With the place and the remedy.</exception>
    internal static ImmutableArray<FilterTerm> Parse(string text)
    {
        var parser = new FilterParser(text);
        var terms = ImmutableArray.CreateBuilder<FilterTerm>();
        parser.SkipBlanks();
        while (!parser.IsAtEnd)
        {
            if (terms.Count > 0)
                parser.ReadAnd();
            terms.Add(parser.ReadTerm());
            parser.SkipBlanks();
        }

        return terms.DrainToImmutable();
    }

    private bool IsAtEnd => _position == _text.Length;

    private void SkipBlanks()
    {
        while (!IsAtEnd && _text[_position] is ' ' or '\t')
            _position++;
    }

    private void ReadAnd()
    {
        var place = Place;
        if (ReadWord() != And)
            throw new FormatException($"wants AND {place}; only AND joins terms");

        SkipBlanks();
    }

    private FilterTerm ReadTerm()
    {
        var place = Place;
        var field = ReadWord();
        if (field.StartsWith(FilterTerm.LabelPrefix, StringComparison.Ordinal) ? field.Length == FilterTerm.LabelPrefix.Length : !FilterTerm.Fields.Contains(field, StringComparer.Ordinal))
            throw new FormatException($"has no field {Quoted.Text(field)} ({place}); the fields are {string.Join(", ", FilterTerm.Fields)} and {FilterTerm.LabelPrefix}KEY");

        SkipBlanks();
        var comparison = ReadOperator(field);
        SkipBlanks();
        var value = ReadValue(field);
        return field == "state" ? new(field, comparison, StateOf(value, comparison)) : new(field, comparison, value);
    }

    private FilterOperator ReadOperator(string field)
    {
        var rest = _text.AsSpan(_position);
        (FilterOperator Operator, int Length)? found = rest switch
        {
            ['!', '=', ..] => (FilterOperator.NotEqual, 2),
            ['=', ..] => (FilterOperator.Equal, 1),
            [':', ..] => (FilterOperator.Prefix, 1),
            _ => null,
        };
        if (found is null)
            throw new FormatException($"wants =, != or : after {field} ({Place})");

        _position += found.Value.Length;
        return found.Value.Operator;
    }

    private string ReadValue(string field)
    {
        if (IsAtEnd || _text[_position] != '"')
            return ReadWord() is { Length: > 0 } word ? word : throw new FormatException($"wants a value for {field} ({Place}); write an empty one as \"\"");

        var place = Place;
        var value = new StringBuilder();
        for (_position++; !IsAtEnd; _position++)
        {
            if (_text[_position] == '"')
            {
                _position++;
                return value.ToString();
            }

            if (_text[_position] == '\\' && _position + 1 < _text.Length)
                _position++;
            value.Append(_text[_position]);
        }

        throw new FormatException($"has no end of the quoted value ({place})");
    }

    private string ReadWord()
    {
        var start = _position;
        while (!IsAtEnd && _text[_position] is not (' ' or '\t' or '=' or '!' or ':' or '"' or '(' or ')'))
            _position++;

        return _text[start.._position];
    }

    private static string StateOf(string value, FilterOperator comparison)
    {
        var state = value.ToUpperInvariant();
        if (state.StartsWith(StatePrefix, StringComparison.Ordinal))
            state = state[StatePrefix.Length..];
        if (comparison == FilterOperator.Prefix)
            throw new FormatException("compares a state by its begin; use = or !=");

        return States.Contains(state, StringComparer.Ordinal)
            ? state
            : throw new FormatException($"has no state {Quoted.Text(value)}; the states are {string.Join(", ", States)}");
    }

    private string Place => string.Create(CultureInfo.InvariantCulture, $"at character {_position + 1}");
}
